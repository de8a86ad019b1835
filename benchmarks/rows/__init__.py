"""The rows of the page: each module measures one kind of thing, for cartaguard and for the others."""
