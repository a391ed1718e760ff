package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
)

// SMTPSession is an authenticated connection in the hands of one caller, good
// for one Send. It is not for several goroutines.
type SMTPSession struct {
	sender *SMTP
	conn   *boundedConn // TCP: its deadlines count, whatever is over it
	stream net.Conn     // conn, or TLS over it
	client *smtp.Client // speaks over stream

	ready  bool // connected, and nothing sent since
	clean  bool // the server is where we believe it to be
	sent   int  // messages handed over so far
	expiry *time.Timer
}

var (
	errUsed      = errors.New("the connection has been used; connect again")
	errSession   = errors.New("the server took too long to take the connection")
	errTransfer  = errors.New("the transfer took too long")
	errOutOfStep = textproto.ProtocolError("the server spoke before it was asked")
)

// Send hands the message over and says how that ended. It lasts no longer
// than the sender's Transfer and Answer together. The outcome is UNKNOWN only
// if the final dot may have left: see the table in the package comment. A
// context that ends gives up at once, before the dot as DEFERRED.
func (s *SMTPSession) Send(ctx context.Context, m *message.Message) execution.Outcome {
	if !s.ready {
		return failed(atMAIL, errUsed)
	}
	s.ready = false
	letter, err := compose(m)
	if err != nil {
		return refused(err.Error())
	}
	if err := s.fits(letter); err != nil {
		return refused(err.Error())
	}
	s.clean = false
	outcome := s.transfer(ctx, letter)
	s.sent++
	outcome.Reply = s.sender.withoutCredentials(outcome.Reply)
	return outcome
}

// Release gives the connection back: it is kept for the next message, or
// closed if it is in doubt, worn out or not needed. The session must not be
// used afterwards.
func (s *SMTPSession) Release() {
	if !s.clean || s.sent >= s.sender.limits.Messages || !s.sender.keep(s) {
		s.hangUp()
	}
}

// fits says why this server cannot carry the letter.
func (s *SMTPSession) fits(l letter) error {
	if offered, _ := s.client.Extension("SMTPUTF8"); l.utf8 && !offered {
		return errors.New("an address has characters outside ASCII, and the server does not offer SMTPUTF8")
	}
	_, limit := s.client.Extension("SIZE")
	if most, err := strconv.Atoi(limit); err == nil && most > 0 && len(l.bytes) > most {
		return fmt.Errorf("the message has %d bytes, and the server takes %d", len(l.bytes), most)
	}
	return nil
}

// transfer speaks from MAIL to the answer to the final dot.
func (s *SMTPSession) transfer(ctx context.Context, l letter) execution.Outcome {
	before, cancel := context.WithTimeoutCause(ctx, s.sender.limits.Transfer, errTransfer)
	defer cancel()
	dropped, at, err := s.envelope(before, l)
	if err != nil {
		return s.ended(at, err)
	}
	data, at, err := s.body(before, l)
	if err != nil {
		return s.ended(at, err)
	}
	if err := before.Err(); err != nil { // last look: from here on nothing can be taken back
		return s.ended(atBody, err)
	}
	err = s.within(ctx, s.sender.limits.Answer, func(context.Context) error { return data.Close() })
	reply := "250 " + data.ServerResponse()
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code/100 == 2 {
		reply, err = told(answer), nil
	}
	if err != nil {
		return s.ended(atDot, err)
	}
	s.clean = true
	return accepted(reply, dropped)
}

// envelope names the sender and the recipients. It returns the refusals of
// recipients that the message goes without.
func (s *SMTPSession) envelope(ctx context.Context, l letter) (dropped []error, at step, err error) {
	verb := s.sender.limits.Verb
	s.client.SkipSMTPUTF8(!l.utf8) // else every relay behind would need it
	err = s.within(ctx, verb, func(context.Context) error { return s.client.Mail("<" + l.from + ">") })
	if err != nil {
		return nil, atMAIL, err
	}
	for i, recipient := range l.recipients {
		err := s.within(ctx, verb, func(context.Context) error { return s.client.Rcpt("<" + recipient + ">") })
		switch {
		case err == nil:
		case i > 0 && isRefusal(err):
			dropped = append(dropped, err)
		default:
			return nil, atRCPT, err
		}
	}
	return dropped, atDATA, nil
}

// body gives everything but the final dot to the kernel, so that the dot is
// all that the last write can have left undone.
func (s *SMTPSession) body(ctx context.Context, l letter) (data *smtp.DataCloser, at step, err error) {
	err = s.within(ctx, s.sender.limits.Verb, func(context.Context) error {
		writer, err := s.client.Data()
		if err != nil {
			return err
		}
		data = writer.(*smtp.DataCloser)
		return nil
	})
	if err != nil {
		return nil, atDATA, err
	}
	err = s.within(ctx, s.sender.limits.Transfer, func(context.Context) error {
		if _, err := data.Write(l.bytes); err != nil {
			return err
		}
		return s.client.Text.W.Flush()
	})
	if err == nil && s.client.Text.R.Buffered() > 0 {
		err = errOutOfStep
	}
	return data, atBody, err
}

// ended returns the outcome of a step that failed. After a plain refusal the
// connection is as good as before.
func (s *SMTPSession) ended(at step, err error) execution.Outcome {
	s.clean = isRefusal(err)
	return failed(at, err)
}

// isRefusal reports a coded refusal after which the conversation goes on.
// With 421 the server takes its leave.
func isRefusal(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer) && failureOf(err) >= transient && answer.Code != 421
}

// accepted returns the outcome of a message that the server took.
func accepted(reply string, dropped []error) execution.Outcome {
	outcome := execution.Outcome{Kind: execution.Accepted, ProviderID: providerID(reply)}
	if len(dropped) > 0 {
		reply += fmt.Sprintf("; recipients refused: %d, the first with %s", len(dropped), told(dropped[0]))
	}
	outcome.Reply = cleanReply(reply)
	return outcome
}

// reset makes the server forget a message that was begun, and shows that it
// still answers.
func (s *SMTPSession) reset(context.Context) error { return s.client.Reset() }

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// within runs one step of the conversation: until the limit, the end of the
// context, or its own end. It has no answer (LOST) in the first two cases.
func (s *SMTPSession) within(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if conn := s.conn; conn != nil {
		conn.left = maxAnswer
		if err := conn.SetDeadline(time.Time{}); err != nil {
			return err
		}
		fired := make(chan struct{})
		stop := context.AfterFunc(limited, func() {
			_ = conn.SetDeadline(longAgo)
			close(fired)
		})
		defer func() {
			if !stop() {
				<-fired // else it might hit the next step
			}
		}()
	}
	err := do(limited)
	switch {
	case err == nil || failureOf(err) != lost || limited.Err() == nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fmt.Errorf("no answer within %v", limit)
	}
}

// hangUp takes leave, if that can be done without waiting, and closes.
func (s *SMTPSession) hangUp() {
	if s.conn == nil {
		return
	}
	if s.clean && s.client.UpdateDeadline(time.Second) == nil {
		_ = s.client.Text.PrintfLine("QUIT")
		_ = s.client.Close()
	}
	_ = s.conn.Close()
}
