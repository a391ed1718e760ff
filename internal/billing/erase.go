package billing

// Deleted is what is left of a resource that was deleted: its id, and its version,
// so that a state from before does not bring it back; of a payment also which
// invoice it was for, whose timeline tells of it.
func Deleted(r Resource) Resource {
	out, was := New(r.Kind()), r.Base()
	h := out.Base()
	h.ID, h.Version = was.ID, was.Version
	if p, ok := out.(*Payment); ok {
		p.InvoiceID = r.(*Payment).InvoiceID
	}
	return out
}

// Revives reports whether a state begins a new life of a resource that was
// deleted: a state of its own does, unless it is not later than the one that was
// deleted. What is told of it in passing does not. One that only a snapshot ended is
// revived by the state that it had, too.
func Revives(deleted, incoming Resource, mode Mode) bool {
	last, v := deleted.Base().Version, incoming.Base().Version
	later := v.Kind == Unversioned || v.Kind != last.Kind || v.Number > last.Number
	return mode != Fill && (later || v == last && deleted.Base().ClosedBy != "")
}

// WithoutPerson returns a state without what may say who the customer is, in
// words that somebody wrote: amounts, dates, states, ids and references stay.
func WithoutPerson(r Resource) Resource {
	out := shallow(r)
	out.Base().Metadata = nil
	switch r := out.(type) {
	case *Invoice:
		r.CustomerReference, r.PDFURL, r.PayLink = "", "", PayLink{}
		lines := make([]Line, len(r.Lines))
		for i, l := range r.Lines {
			l.Description = ""
			lines[i] = l
		}
		if r.Lines != nil {
			r.Lines = lines
		}
	case *Payment:
		r.Details.Reason, r.Details.ExternalReason = "", ""
	}
	return out
}
