package files

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// rateGrace is how long a body may take before its rate counts.
	rateGrace = 10 * time.Second
	// readTimeout is how long it may bring nothing, whatever came before.
	readTimeout = 30 * time.Second
)

// pacedBody is a request's body that must come at a least rate (Options.MinRate),
// so that nobody holds a place by sending a byte now and then. Reading also ends
// when the request is broken off.
type pacedBody struct {
	body     io.ReadCloser
	rc       *http.ResponseController
	ctx      context.Context
	start    time.Time
	got      int64
	min      int64
	grace    time.Duration
	count    func(n int)
	forTus   bool // errors must be tusd's
	unlisten func() bool
}

func (c *call) paced(forTus bool) *pacedBody {
	p := &pacedBody{
		body: c.r.Body, rc: http.NewResponseController(c.w), ctx: c.r.Context(), start: time.Now(),
		min: int64(c.MinRate), grace: c.s.grace, forTus: forTus,
		count: func(n int) { c.s.metrics.received.Add(float64(n)) },
	}
	p.unlisten = context.AfterFunc(p.ctx, func() {
		if stopped(p.ctx) {
			_ = p.rc.SetReadDeadline(time.Now()) // ends a Read that waits; not every server can
		}
	})
	return p
}

// end must be called when the body is not read any more.
func (p *pacedBody) end() { p.unlisten() }

func (p *pacedBody) Read(b []byte) (int, error) {
	if stopped(p.ctx) {
		return 0, p.error(errStopping)
	}
	_ = p.rc.SetReadDeadline(p.due(time.Now()))
	if stopped(p.ctx) { // it may have been just before the deadline was moved
		return 0, p.error(errStopping)
	}
	n, err := p.body.Read(b)
	p.got += int64(n)
	p.count(n)
	if err == nil || err == io.EOF {
		return n, err
	}
	var network net.Error
	switch {
	case stopped(p.ctx):
		return n, p.error(errStopping)
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout():
		return n, p.error(errSlow.noting("the body came too slowly: at least %d bytes per second are expected", p.min))
	case p.forTus:
		return n, err // tusd knows these
	}
	return n, errTruncated
}

// due is when the next byte must have come.
func (p *pacedBody) due(now time.Time) time.Time {
	rate := p.start.Add(p.grace + time.Duration(p.got)*time.Second/time.Duration(p.min))
	if silent := now.Add(readTimeout); silent.Before(rate) {
		return silent
	}
	return rate
}

func (p *pacedBody) error(e *Error) error {
	if p.forTus {
		return e.tus()
	}
	return e
}

// Close implements io.Closer.
func (p *pacedBody) Close() error { return p.body.Close() }
