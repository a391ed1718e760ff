package delivery

import (
	"net"
	"net/textproto"
)

// answers is a connection to an SMTP server, in plain text, that reads well
// what net/textproto does not. A line of a code alone ("250"), which RFC 5321
// (4.2) allows, gets the space that textproto wants. An answer of several
// lines whose last has another code than its first is garbled: textproto would
// wait for the last line for ever.
type answers struct {
	net.Conn
	rest []byte // read and not yet given
	err  error  // to be returned once rest is given

	at    int // bytes of the line so far; what follows the code is not counted
	code  [3]byte
	first string // the code of the answer's first line, if more lines follow it
}

// Read reads what the server said.
func (a *answers) Read(p []byte) (int, error) {
	if len(a.rest) == 0 && a.err == nil && len(p) > 0 {
		// At most every other byte is added: all that was read fits.
		n, err := a.Conn.Read(p[:(len(p)+1)/2])
		a.err = err
		a.take(append([]byte(nil), p[:n]...))
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	if len(a.rest) > 0 {
		return n, nil
	}
	return n, a.err
}

func (a *answers) take(read []byte) {
	a.rest = a.rest[:0]
	for _, b := range read {
		ends := b == '\r' || b == '\n'
		switch {
		case a.at < len(a.code) && '0' <= b && b <= '9':
			a.code[a.at] = b
			a.at++
		case a.at == len(a.code):
			a.at++
			if ends {
				a.rest = append(a.rest, ' ')
			}
			if !a.follows(b, ends) {
				a.err = textproto.ProtocolError("an answer of several lines with several codes")
				return
			}
		default:
			a.at = len(a.code) + 1
		}
		if b == '\n' {
			a.at = 0
		}
		a.rest = append(a.rest, b)
	}
}

// follows takes note of a line's code and the byte after it, and reports
// whether the line can stand where it does.
func (a *answers) follows(after byte, ends bool) bool {
	code := string(a.code[:])
	switch {
	case after == '-' && a.first == "":
		a.first = code
	case after == ' ' || ends:
		if a.first != "" && a.first != code {
			return false
		}
		a.first = ""
	}
	return true
}

// greeted is the stream of a server that was greeted before it was encrypted
// and does not greet again.
func greeted(stream net.Conn) *answers {
	return &answers{Conn: stream, rest: []byte("220 \r\n")}
}
