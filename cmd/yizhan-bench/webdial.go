package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// webDialer makes WebLink connections, each a WebSocket from its first byte, and
// logs in on them.
type webDialer struct {
	url    string // ws:// or wss://, with path and query
	dialer ws.Dialer
	appKey string
	buffer int           // bytes to read at once
	next   atomic.Uint32 // source address to use
}

// webGateway is where WebLink is served.
type webGateway struct {
	plain, tls string // http:// and https:// URLs; "" where it is not
	roots      *x509.CertPool
	unverified bool // the driver has started the node itself, which made its own certificate
}

// findWeb says where WebLink is on the node that the flags name.
func (f *subjectFlags) findWeb(started *node) (g webGateway, err error) {
	if started != nil {
		return webGateway{plain: "http://" + started.http, tls: "https://" + started.https, unverified: true}, nil
	}
	switch {
	case strings.HasPrefix(f.web, "https://"):
		g.tls = f.web
	case strings.HasPrefix(f.web, "http://"):
		g.plain = f.web
	case f.web != "":
		return g, fmt.Errorf("--weblink: %q is no http:// or https:// URL", f.web)
	}
	if f.webRoot == "" {
		return g, nil
	}
	pem, err := os.ReadFile(f.webRoot)
	if err != nil {
		return g, fmt.Errorf("--weblink-root: %w", err)
	}
	g.roots = x509.NewCertPool()
	if !g.roots.AppendCertsFromPEM(pem) {
		return g, fmt.Errorf("--weblink-root: %s holds no certificate", f.webRoot)
	}
	return g, nil
}

// webDialer makes a dialer for the node's WebLink, over TLS or not; buffer is how
// much its connections read at once, in bytes.
func (s *subject) webDialer(overTLS bool, buffer int) (*webDialer, error) {
	address := s.web.plain
	if overTLS {
		address = s.web.tls
	}
	if address == "" {
		return nil, errors.New("where is WebLink? give --weblink, http://host:port or, with --tls, https://host:port")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("--weblink: %w", err)
	}
	u.Scheme = "ws"
	d := &webDialer{appKey: s.api.tenant.AppKey, buffer: buffer}
	if overTLS {
		u.Scheme = "wss"
		d.dialer.TLSConfig = &tls.Config{RootCAs: s.web.roots, InsecureSkipVerify: s.web.unverified}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/socket.io/"
	}
	u.RawQuery = "EIO=4&transport=websocket"
	d.url = u.String()
	d.dialer.Timeout = requestTimeout
	// The defaults would be the driver's own cost for each idle connection.
	d.dialer.ReadBufferSize, d.dialer.WriteBufferSize = 512, 512
	d.dialer.NetDial = d.dial
	return d, nil
}

func (d *webDialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	return dialFromMany(ctx, &d.next, address)
}

// webConn is one connection that is logged in. Its requests wait for their
// answers; what else arrives meanwhile is dropped.
type webConn struct {
	net.Conn
	reader webReader
	lastID int
}

// errClosedInLogin says that the node ended the session instead of answering.
var errClosedInLogin = errors.New("the node closed the session during the login")

// connectAs opens a connection for a.
func (d *webDialer) connectAs(ctx context.Context, a account) (*webConn, error) {
	socket, early, _, err := d.dialer.Dial(ctx, d.url)
	if err != nil {
		return nil, err
	}
	c := &webConn{Conn: socket, reader: webReader{conn: socket, buf: make([]byte, d.buffer)}}
	if early != nil {
		n, _ := early.Read(c.reader.buf)
		c.reader.rest = c.reader.buf[:n]
		ws.PutReader(early)
	}
	if err := c.login(d.appKey, a); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return c, nil
}

func (c *webConn) login(appKey string, a account) error {
	auth, err := json.Marshal(map[string]any{
		"appKey": appKey, "account": a.name, "token": a.token, "deviceId": "bench-web",
		"platform": wire.Platform_PLATFORM_WEB.String(), "sdkVersion": "yizhan-bench",
	})
	if err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	if err := c.write("40" + string(auth)); err != nil {
		return err
	}
	for {
		text, err := c.text()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(text, []byte("40")):
			return c.SetDeadline(time.Time{})
		case bytes.HasPrefix(text, []byte("44")):
			return webRefusal(text[2:])
		case len(text) > 0 && text[0] == '1':
			return errClosedInLogin
		}
	}
}

// webRefusal is the error of a CONNECT_ERROR.
func webRefusal(text []byte) error {
	var refused struct {
		Message string
		Data    struct {
			Code wire.Code
			Note string
		}
	}
	if err := json.Unmarshal(text, &refused); err != nil {
		return fmt.Errorf("login refused: %s", text)
	}
	if refused.Data.Code == 0 {
		return errors.New(refused.Message)
	}
	return wire.Errorf(refused.Data.Code, "%s", refused.Data.Note)
}

func (c *webConn) write(text string) error {
	_, err := c.Write(appendWebFrame(nil, text))
	return err
}

// text is the next text frame. Pings are answered.
func (c *webConn) text() ([]byte, error) {
	for {
		op, payload, err := c.reader.next()
		switch {
		case err != nil:
			return nil, err
		case op == ws.OpClose:
			return nil, webFarewell(payload)
		case op != ws.OpText:
		case len(payload) == 1 && payload[0] == '2':
			if err := c.write("3"); err != nil {
				return nil, err
			}
		default:
			return payload, nil
		}
	}
}

// answer is what the ack of a request holds.
type answer struct {
	Code wire.Code
	Body struct{ Note string }
}

// call makes one request and waits for its answer.
func (c *webConn) call(event string, body any) error {
	argument, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	c.lastID++
	id := strconv.Itoa(c.lastID)
	if err := c.write("42" + id + `["` + event + `",` + string(argument) + "]"); err != nil {
		return err
	}
	for {
		text, err := c.text()
		if err != nil {
			return err
		}
		args, found := strings.CutPrefix(string(text), "43"+id+"[")
		if !found {
			continue
		}
		var a answer
		if err := json.Unmarshal([]byte(strings.TrimSuffix(args, "]")), &a); err != nil {
			return fmt.Errorf("the answer to %s: %w", event, err)
		}
		if a.Code != wire.CodeOK {
			return wire.Errorf(a.Code, "%s", a.Body.Note)
		}
		return c.SetDeadline(time.Time{})
	}
}
