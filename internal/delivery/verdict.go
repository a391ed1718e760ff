package delivery

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dunwellhq/dunwell/internal/execution"
)

// step is a part of the conversation with an SMTP server, in its order.
type step int

const (
	atConnect step = iota
	atEHLO
	atSTARTTLS
	atAUTH
	atMAIL
	atRCPT
	atDATA
	atBody
	atDot
)

// String names the step for people.
func (s step) String() string {
	return [...]string{
		"connecting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "sending the body", "the final dot",
	}[s]
}

// failure is how a step can fail.
type failure int

const (
	lost          failure = iota // no answer
	garbled                      // an answer that is none
	transient                    // 4yz
	wrongIdentity                // 530, 534, 535, 538
	permanent                    // any other 5yz
)

// verdict is the table in the package comment.
func verdict(at step, how failure) execution.OutcomeKind {
	switch {
	case at == atDot && (how == lost || how == garbled):
		return execution.Unknown
	case at >= atMAIL && how == permanent:
		return execution.Refused
	default:
		return execution.Deferred
	}
}

// failureOf sorts an error of a step.
func failureOf(err error) failure {
	var answer *textproto.Error
	var protocol textproto.ProtocolError
	switch {
	case errors.As(err, &answer):
		return failureOfCode(answer.Code)
	case errors.As(err, &protocol):
		return garbled
	default:
		return lost
	}
}

func failureOfCode(code int) failure {
	switch code {
	case 530, 534, 535, 538: // RFC 4954, 6
		return wrongIdentity
	}
	switch code / 100 {
	case 4:
		return transient
	case 5:
		return permanent
	default:
		return garbled
	}
}

// failed returns the outcome of a step that ended with an error.
func failed(at step, err error) execution.Outcome {
	return execution.Outcome{
		Kind:  verdict(at, failureOf(err)),
		Reply: cleanReply(at.String() + ": " + told(err)),
	}
}

// told returns the server's own words, if the error has any.
func told(err error) string {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Sprintf("%d %s", answer.Code, answer.Msg)
	}
	return err.Error()
}

// refused returns the outcome of a message that is not for this server.
func refused(reply string) execution.Outcome {
	return execution.Outcome{Kind: execution.Refused, Reply: cleanReply(reply)}
}

// maxReply is the most bytes that an outcome's reply may have.
const maxReply = 1000

// cleanReply makes one line of printable text of what a server said, which
// may be anything.
func cleanReply(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(text) <= maxReply {
		return text
	}
	end := maxReply
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// queued finds the name that a server gave to a message, in the forms of
// Postfix ("queued as 4XyZ") and Exim ("OK id=1rXyZ-…").
var queued = regexp.MustCompile(`(?:queued as |\bid=)([\w.-]{1,100})`)

// providerID returns the server's name for the message, or nothing.
func providerID(reply string) string {
	found := queued.FindStringSubmatch(reply)
	if found == nil {
		return ""
	}
	return found[1]
}
