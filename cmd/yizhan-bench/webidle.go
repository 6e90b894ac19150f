package main

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// webIdleTarget is the most process memory that an idle WebLink connection over
// TLS may take, in bytes.
const webIdleTarget = 16 << 10

// webIdleOptions are those of the weblink-idle scenario.
type webIdleOptions struct {
	idleOptions
	TLS bool
}

// runWebIdle measures what a WebLink connection costs.
func runWebIdle(ctx context.Context, s *subject, o webIdleOptions) (*Result, error) {
	d, err := s.webDialer(o.TLS, idleReadBuffer)
	if err != nil {
		return nil, err
	}
	r, err := measureIdle(ctx, s, "weblink-idle", o.idleOptions, webIdleTarget, func(ctx context.Context, a account) (idler, error) {
		conn, err := d.connectAs(ctx, a)
		if err != nil {
			return nil, err
		}
		i := &webIdler{webConn: conn, answered: make(chan struct{}, 1), ended: make(chan struct{})}
		go i.answerPings()
		return i, nil
	})
	if r != nil {
		r.Parameters["tls"] = o.TLS
	}
	return r, err
}

// webIdler is an idle WebLink connection. A goroutine reads it, for the node asks
// now and then whether the client is there.
type webIdler struct {
	*webConn
	answered chan struct{} // an ack has come
	ended    chan struct{} // closed with err set
	err      error
}

func (i *webIdler) answerPings() {
	defer close(i.ended)
	for {
		text, err := i.text()
		if err != nil {
			i.err = err
			return
		}
		if bytes.HasPrefix(text, []byte("43")) {
			i.answered <- struct{}{} // there is one request at a time
		}
	}
}

// alive waits for the answer to a request.
func (i *webIdler) alive() error {
	if err := i.write(`421["sync",{"limit":1}]`); err != nil {
		return err
	}
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	select {
	case <-i.answered:
		return nil
	case <-i.ended:
		return i.err
	case <-timer.C:
		return errors.New("no answer to a request")
	}
}
