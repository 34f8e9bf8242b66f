// The page works without this: it says what is going on while a note is read, and refuses one that is too long in place.
const form = document.querySelector("form");
const note = document.getElementById("note");
const state = document.getElementById("state");
const button = form.querySelector("button");
const longest = Number(note.dataset.longest);

form.addEventListener("submit", (event) => {
  const length = [...note.value].length;
  if (length > longest) {
    state.textContent = `The note has ${length.toLocaleString("en")} characters; at most ${longest.toLocaleString("en")} are read here.`;
  } else if (form.dataset.sent) {
    state.textContent = "Still reading the note.";
  } else {
    form.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
    state.textContent = "Reading the note. This takes some seconds.";
    return;
  }
  event.preventDefault();
});

note.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

// the browser's back button may bring this page back as it was left
window.addEventListener("pageshow", () => {
  delete form.dataset.sent;
  button.removeAttribute("aria-disabled");
  state.textContent = "";
});
