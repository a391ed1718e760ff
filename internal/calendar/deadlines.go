package calendar

// Deadlines returns the first and the last deadline whose step i falls on d,
// be it superseded there or not. Between them may be deadlines that do not, so
// the caller asks [Rule.Dates] about each. If there is none at all, from is
// after to.
func (r Rule) Deadlines(i int, d Date) (from, to Date) {
	if !r.Days.Open(d) {
		return firstDate + 1, firstDate // steps fall on open days
	}
	low, high := r.reach(d)
	p := r.Periods[i]
	from = earliest(func(deadline Date) bool { return r.count(p, deadline) >= low })
	to = earliest(func(deadline Date) bool { return r.count(p, deadline) > high }) - 1
	var dates []StepDate
	falls := func(deadline Date) bool {
		dates = r.AppendDates(dates[:0], deadline)
		return dates[i].Date == d && !dates[i].None
	}
	for from <= to && !falls(from) {
		from++
	}
	for from <= to && !falls(to) {
		to--
	}
	return from, to
}

// reach returns the first and the last date, counted but not yet moved, from
// which a step can be moved to the open day d. Backward these are d and the
// closed days after it. Forward they are d and the closed days before it, and
// for each other step one open day more, because a step is pushed by at most
// all the others, by one open day each.
func (r Rule) reach(d Date) (low, high Date) {
	if r.Backward {
		high = d
		for high < lastDate && !r.Days.Open(high+1) {
			high++
		}
		return d, high
	}
	low = d
	for range r.Periods[1:] {
		low = r.Days.Backward(low.AddDays(-1))
	}
	for low > firstDate && !r.Days.Open(low-1) {
		low--
	}
	return low, d
}

// earliest returns the first deadline for which reached, which once true stays
// true for all that follow, and the day after the last date if it never is.
// Counting a period keeps the order of deadlines, which is why this may search
// by halves.
func earliest(reached func(Date) bool) Date {
	low, high := firstDate, lastDate+1
	for low < high {
		if middle := low + (high-low)/2; reached(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
