# One text for each page: what it shows, and what to do. Paragraphs are divided by an empty line.
help-dashboard =
    The state of this node at a glance. A mark says how each part is doing: ✓ works, ▲ works but needs attention, ✕ does not work, ○ is off.

    Follow a name to see why a part is in its state and what to do about it.
