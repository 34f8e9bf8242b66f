"""Writes every generated block: python -m scripts.docs"""

from scripts.docs.pages import PAGES, filled

if __name__ == "__main__":
    for page, blocks in PAGES.items():
        page.write_text(filled(page, blocks()), encoding="utf-8")
