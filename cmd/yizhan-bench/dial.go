package main

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// dialer makes connections to one gateway and logs in on them.
type dialer struct {
	gateway gateway
	appKey  string
	options channel.Options
	next    atomic.Uint32 // source address to use
}

// requestTimeout bounds a request that is not part of the measured load.
const requestTimeout = 30 * time.Second

// sourceAddresses is how many loopback addresses connections to a node on this
// machine come from: one address has 28,000 ports, and each stays in TIME_WAIT
// for a while after its connection has closed.
const sourceAddresses = 32

// connect opens a connection and makes the handshake. wrap, if it is not nil,
// comes between the socket and the channel.
func (d *dialer) connect(ctx context.Context, wrap func(net.Conn) net.Conn) (*channel.Conn, error) {
	socket, err := dialFromMany(ctx, &d.next, d.gateway.address)
	if err != nil {
		return nil, err
	}
	if wrap != nil {
		socket = wrap(socket)
	}
	return channel.Client(ctx, socket, d.gateway.key, d.options)
}

// dialFromMany opens a connection to address, when that is on the loopback
// interface from one source address after another; next counts them.
func dialFromMany(ctx context.Context, next *atomic.Uint32, address string) (net.Conn, error) {
	tcp := net.Dialer{Timeout: requestTimeout, Control: bindLate, KeepAlive: -1}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host).To4(); ip != nil && ip.IsLoopback() {
		source := byte(next.Add(1)%sourceAddresses) + 1
		tcp.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, source)}
	}
	return tcp.DialContext(ctx, "tcp", address)
}

// bindLate lets the kernel choose the local port at connect(2), when it knows
// the destination, instead of at bind(2), where a port serves one connection
// only; see IP_BIND_ADDRESS_NO_PORT in ip(7).
func bindLate(_, _ string, c syscall.RawConn) error {
	var err error
	controlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	if controlErr != nil {
		return controlErr
	}
	return err
}

// heartbeatSeconds is the longest silence that this driver asks for: its
// connections shall cost the node nothing but what a scenario is about.
const heartbeatSeconds = 600

// login logs a on to conn as the first thing that happens there.
func (d *dialer) login(conn *channel.Conn, a account, platform wire.Platform) (*wire.LoginResponse, error) {
	payload, err := call(conn, wire.CmdLogin, &wire.LoginRequest{
		AppKey: d.appKey, Account: a.name, Token: a.token,
		DeviceId: "bench-" + platform.String(), Platform: platform,
		SdkVersion: "yizhan-bench", HeartbeatSeconds: heartbeatSeconds,
	})
	if err != nil {
		return nil, err
	}
	response := new(wire.LoginResponse)
	if err := response.UnmarshalVT(payload); err != nil {
		return nil, fmt.Errorf("login response: %w", err)
	}
	return response, nil
}

// connectAs opens a connection for a.
func (d *dialer) connectAs(ctx context.Context, a account, platform wire.Platform, wrap func(net.Conn) net.Conn) (*channel.Conn, *wire.LoginResponse, error) {
	conn, err := d.connect(ctx, wrap)
	if err != nil {
		return nil, nil, err
	}
	response, err := d.login(conn, a, platform)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, response, nil
}

// callSerial numbers the requests of call, of which there is one at a time.
// Requests of the measured load start at 1.
const callSerial = 1 << 40

// call makes one request and returns the payload of its answer, which is valid
// until the next read. Pushes that come before it are dropped.
func call(conn *channel.Conn, cmd wire.Command, body wire.Body) ([]byte, error) {
	if err := conn.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	if err := conn.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: callSerial}, body); err != nil {
		return nil, err
	}
	for {
		f, err := conn.ReadFrame()
		if err != nil {
			return nil, err
		}
		if f.Kind == wire.KindPush {
			if err := farewell(&f); err != nil {
				return nil, err
			}
			continue
		}
		if f.Kind != wire.KindResponse || f.Serial != callSerial {
			continue
		}
		if f.Code != wire.CodeOK {
			return nil, refusal(&f)
		}
		return f.Payload, conn.SetReadDeadline(time.Time{})
	}
}

// refusal is the error that a response with another code than 200 stands for.
func refusal(f *wire.Frame) error {
	body := new(wire.ErrorBody)
	if err := body.UnmarshalVT(f.Payload); err != nil {
		return wire.Errorf(f.Code, "%s", f.Code.Meaning())
	}
	return wire.Errorf(f.Code, "%s", body.Note)
}

// farewell is the error that a push by which the node ends a connection stands
// for; nil for other pushes.
func farewell(f *wire.Frame) error {
	switch f.Command {
	case wire.PushKicked:
		return fmt.Errorf("the node kicked this connection")
	case wire.PushGoAway:
		return fmt.Errorf("the node is stopping")
	case wire.PushClose:
		reason := new(wire.ClosePush)
		if err := reason.UnmarshalVT(f.Payload); err != nil {
			return err
		}
		return wire.Errorf(wire.Code(reason.Code), "%s", reason.Note)
	default:
		return nil
	}
}
