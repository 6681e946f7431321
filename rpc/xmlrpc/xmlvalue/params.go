package xmlvalue

// ReadParams reads a document that is <params> and nothing around it, up to the
// parameters: the Decoder stands before the list of them. It is what the dumps of
// Python's xmlrpc.client makes of values alone. Otherwise as ReadCall.
func ReadParams(data []byte, o Options) (*Decoder, error) {
	d, err := newDecoder(data, o)
	if err != nil {
		return nil, err
	}
	at := d.pos
	if _, ok := d.root("params"); ok {
		d.pos, d.stage = at, atParams
	}
	return d.orError()
}
