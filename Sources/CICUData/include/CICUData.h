// Nothing is called here: what counts is that the data is there.
