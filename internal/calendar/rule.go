package calendar

import (
	"cmp"
	"slices"
)

// Rule is what a dated workflow counts from a deadline: from each the same
// steps, forward for what is overdue, backward for what is to come.
type Rule struct {
	Periods  []Period // in the order of the workflow, each at least one day
	Backward bool
	Days     Days // what steps are moved to; the zero value moves none
}

// StepDate is where one step falls for one deadline.
type StepDate struct {
	Date       Date
	Superseded bool // another step falls on this date and is nearer to the deadline
	None       bool // the step has no date, and Date means nothing
}

// Dates returns for a deadline the date of each step, by the index of its
// period.
//
// Forward, a step falls on the deadline plus its period, moved on to the next
// open day, and at least one day after the step before it, again on an open
// day. The step before is that of the earlier deadline plus period, and of two
// that are equal the earlier in the workflow.
//
// Backward, it falls on the deadline minus its period, moved back to the open
// day before, and always before the deadline. Steps that meet are one: the
// nearest to the deadline by its period stays (the earlier in the workflow if
// two are equally near), the others are superseded.
//
// A step whose day lies beyond the years 1 to 9999 has none.
func (r Rule) Dates(deadline Date) []StepDate {
	return r.AppendDates(make([]StepDate, 0, len(r.Periods)), deadline)
}

// AppendDates appends to dst what [Rule.Dates] returns, so that one slice
// serves many deadlines.
func (r Rule) AppendDates(dst []StepDate, deadline Date) []StepDate {
	var few [8]counted // most workflows have fewer steps, and then it costs no memory
	steps := few[:0]
	for i, p := range r.Periods {
		steps = append(steps, counted{r.count(p, deadline), i})
	}
	begin := len(dst)
	dst = slices.Grow(dst, len(steps))[:begin+len(steps)]
	if r.Backward {
		slices.SortFunc(steps, counted.nearestLast)
		r.moveBack(dst[begin:], steps, deadline)
	} else {
		slices.SortFunc(steps, counted.nearestFirst)
		r.moveOn(dst[begin:], steps, deadline)
	}
	return dst
}

// counted is the date of a step before it is moved to an open day.
type counted struct {
	date Date
	step int
}

func (r Rule) count(p Period, deadline Date) Date {
	if r.Backward {
		return p.BeforeDate(deadline)
	}
	return p.After(deadline)
}

func (a counted) nearestFirst(b counted) int {
	return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.step, b.step))
}

func (a counted) nearestLast(b counted) int {
	return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(b.step, a.step))
}

// moveOn gives steps in the order of their dates the open days that they fall
// on, each after the one before.
func (r Rule) moveOn(to []StepDate, steps []counted, deadline Date) {
	before := deadline
	for _, s := range steps {
		d := r.Days.Forward(max(s.date, before.AddDays(1)))
		to[s.step] = StepDate{Date: d, None: d <= before || !r.Days.Open(d)}
		before = d
	}
}

// moveBack gives steps the open days that they fall on, from the nearest to the
// deadline, which comes last, to the furthest: those after it on its day find
// it taken.
func (r Rule) moveBack(to []StepDate, steps []counted, deadline Date) {
	taken := deadline
	for _, s := range slices.Backward(steps) {
		d := r.Days.Backward(s.date)
		none := d >= deadline || !r.Days.Open(d)
		to[s.step] = StepDate{Date: d, Superseded: d == taken && !none, None: none}
		taken = d
	}
}
