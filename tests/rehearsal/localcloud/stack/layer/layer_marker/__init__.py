"""What a layer brings."""

MARK = "from the layer"
