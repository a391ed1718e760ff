// Package delivery hands frozen bytes to a provider and says what happened.
// One file per provider.
//
// What happened is a value, an [execution.Outcome], not an error: a provider
// that refuses is not a defect of ours. Connecting is separate from sending,
// because the engine commits its claim between the two: connect, claim, send,
// record. What [SMTP.Connect] returns is therefore always definite (nothing
// was sent); only [SMTPSession.Send] can end in UNKNOWN, and only from the
// moment at which the final dot may have left.
//
// # What each failure means
//
// The columns: LOST is no answer (the connection closed, reset or timed out,
// or the context ended), GARBLED an answer that is none, 53X one of 530, 534,
// 535 and 538, which ask for other credentials, 4YZ and 5YZ every other
// refusal with such a code. A dash cannot happen.
//
//	step      LOST      GARBLED   4YZ       53X       5YZ
//	CONNECT   DEFERRED  DEFERRED  DEFERRED  DEFERRED  DEFERRED
//	EHLO      DEFERRED  DEFERRED  DEFERRED  DEFERRED  DEFERRED
//	STARTTLS  DEFERRED  DEFERRED  DEFERRED  DEFERRED  DEFERRED
//	AUTH      DEFERRED  DEFERRED  DEFERRED  DEFERRED  DEFERRED
//	MAIL      DEFERRED  DEFERRED  DEFERRED  DEFERRED  REFUSED
//	RCPT      DEFERRED  DEFERRED  DEFERRED  DEFERRED  REFUSED
//	DATA      DEFERRED  DEFERRED  DEFERRED  DEFERRED  REFUSED
//	BODY      DEFERRED  DEFERRED  -         -         -
//	DOT       UNKNOWN   UNKNOWN   DEFERRED  DEFERRED  REFUSED
//
// Before MAIL a refusal is about us, not about this message, so that a person
// or time can cure it. Without the final dot a server must not accept, so
// that all up to it is definite; the dot is written by itself, after
// everything else has been given to the kernel, and from that write on only
// a coded answer is definite. CONNECT is resolving the name, TCP, TLS from
// the first byte, and the greeting.
//
// The first recipient decides: refused, the message is. Any later one that is
// refused is dropped, and the reply of an ACCEPTED outcome counts them and
// quotes the first such refusal. A message that this server cannot carry (an
// address without SMTPUTF8, too many bytes) or that cannot be composed at all
// is REFUSED without a word to the server.
//
// The package logs nothing. A reply quotes what the server said, which may
// contain an address: it is for the people of the tenant, not for logs.
package delivery

import "time"

// Limits bounds what a sender waits for and keeps. All are settings, so that
// tests shorten them.
type Limits struct {
	Session  time.Duration // a whole Connect, from the name to the answer to AUTH
	Connect  time.Duration // TCP and TLS; also the question whether an idle connection still answers
	Verb     time.Duration // the answer to one verb, and the greeting
	Transfer time.Duration // everything from MAIL up to the final dot, together
	Answer   time.Duration // the answer to the final dot

	Idle        time.Duration // an unused connection is closed after it
	Connections int           // idle connections kept
	Messages    int           // messages sent over one connection before it is closed
}

// DefaultLimits are those that engine and documentation speak of. RFC 5321
// (4.5.3.2) asks for ten minutes after the final dot, because a client that
// gives up earlier makes duplicates.
func DefaultLimits() Limits {
	return Limits{
		Session:     15 * time.Second,
		Connect:     10 * time.Second,
		Verb:        time.Minute,
		Transfer:    2 * time.Minute,
		Answer:      10 * time.Minute,
		Idle:        time.Minute,
		Connections: 5,
		Messages:    100,
	}
}

// LongestPhase returns how long a whole Connect or a whole Send can last. A
// claim's lease must be longer, or a second sender begins while the first is
// still at it.
func (l Limits) LongestPhase() time.Duration {
	return max(l.Session, l.Transfer+l.Answer)
}
