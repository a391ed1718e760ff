package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// column is a column of a table of things. One that is long may be cut, where
// the table would be too wide; by the others one asks for more.
type column[T any] struct {
	name  string
	long  bool
	value func(*T) string
}

// fact is a line of what is shown of one thing.
type fact struct{ name, value string }

const (
	tableWidth = 100 // of a terminal that shows two windows side by side
	leastWidth = 8   // to which a cell may be cut
	gap        = 2
)

// writeTable writes a table that fits into the width of a terminal.
func writeTable[T any](out io.Writer, items []T, columns []column[T]) error {
	rows := make([][]string, 1, len(items)+1)
	for _, c := range columns {
		rows[0] = append(rows[0], strings.ToUpper(c.name))
	}
	for i := range items {
		row := make([]string, len(columns))
		for j, c := range columns {
			row[j] = oneLine(c.value(&items[i]))
		}
		rows = append(rows, row)
	}
	widths := fit(rows, columns)
	var b strings.Builder
	for _, row := range rows {
		for j, cell := range row {
			row[j] = cut(cell, widths[j])
			row[j] += strings.Repeat(" ", widths[j]-utf8.RuneCountInString(row[j]))
		}
		b.WriteString(strings.TrimRight(strings.Join(row, strings.Repeat(" ", gap)), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// fit returns the widths of the columns: as their cells are, less what has to be
// cut, of the widest first.
func fit[T any](rows [][]string, columns []column[T]) []int {
	widths := make([]int, len(columns))
	total := gap * (len(widths) - 1)
	for j := range widths {
		for _, row := range rows {
			widths[j] = max(widths[j], utf8.RuneCountInString(row[j]))
		}
		total += widths[j]
	}
	for total > tableWidth {
		widest := -1
		for j, c := range columns {
			if c.long && widths[j] > leastWidth && (widest < 0 || widths[j] > widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// oneLine keeps what others have written from moving the cursor of who reads it,
// from ending the line, and from turning the direction of what follows. Every text of a server goes through it on its way to a terminal, in tables and
// in errors; JSON and YAML are for programs and stay as they are.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return ' '
		}
		return r
	}, s)
}

// writeFacts writes names and values, without those that have none.
func writeFacts(out io.Writer, facts []fact) error {
	w := tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)
	for _, f := range facts {
		if f.value != "" {
			fmt.Fprintf(w, "%s\t%s\n", f.name, oneLine(f.value))
		}
	}
	return w.Flush()
}

// said is what a pointer points to, "" if to nothing.
func said[T any](p *T) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

// when is a point in time, in UTC.
func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// minute is when, as far as a table has room for it.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
