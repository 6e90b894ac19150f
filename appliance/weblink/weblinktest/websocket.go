package weblinktest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// transport carries the packets of one Engine.IO session. send and sendBinary may
// be called from any goroutine, receive from one.
type transport interface {
	send(packet []byte) error
	sendBinary(data []byte) error
	receive() ([]byte, error)
	close()
}

// webSocket is a session that starts on WebSocket.
type webSocket struct {
	conn   net.Conn
	reader io.Reader

	mu sync.Mutex // held while a frame is written
}

func dialWebSocket(ctx, _ context.Context, url string, o Options) (transport, error) {
	var dialer ws.Dialer
	if o.Deflate {
		dialer.Extensions = []httphead.Option{wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}.Option()}
	}
	conn, reader, hand, err := dialer.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"?EIO=4&transport=websocket")
	if err != nil {
		return nil, fmt.Errorf("opening a WebSocket: %w", err)
	}
	w := &webSocket{conn: conn, reader: conn}
	if reader != nil {
		w.reader = reader
	} else {
		w.reader = bufio.NewReader(conn)
	}
	if o.Deflate && len(hand.Extensions) == 0 {
		w.close()
		return nil, fmt.Errorf("the server does not accept permessage-deflate")
	}
	if err := awaitOpen(w.receive); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// awaitOpen reads the packet that every session starts with.
func awaitOpen(receive func() ([]byte, error)) error {
	packet, err := receive()
	if err != nil {
		return fmt.Errorf("waiting for the handshake: %w", err)
	}
	if len(packet) == 0 || packet[0] != engineOpen {
		return fmt.Errorf("the session starts with the packet %q", packet)
	}
	return nil
}

func (w *webSocket) send(packet []byte) error       { return w.write(ws.NewTextFrame(packet)) }
func (w *webSocket) sendBinary(packet []byte) error { return w.write(ws.NewBinaryFrame(packet)) }

func (w *webSocket) write(f ws.Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ws.WriteFrame(w.conn, ws.MaskFrame(f))
}

func (w *webSocket) receive() ([]byte, error) {
	for {
		f, err := ReadFrame(w.reader)
		if err != nil {
			return nil, err
		}
		switch f.Header.OpCode {
		case ws.OpText:
			if f.Header.Rsv1() {
				if f, err = wsflate.DecompressFrame(f); err != nil {
					return nil, err
				}
			}
			if !f.Header.Fin {
				return nil, fmt.Errorf("a server has no reason to fragment its messages")
			}
			return f.Payload, nil
		case ws.OpPing:
			if err := w.write(ws.NewPongFrame(f.Payload)); err != nil {
				return nil, err
			}
		case ws.OpPong:
		case ws.OpClose:
			code, reason := ws.ParseCloseFrameData(f.Payload)
			return nil, fmt.Errorf("the server has closed the WebSocket: %d %s", code, reason)
		default:
			return nil, fmt.Errorf("unexpected frame of opcode %d", f.Header.OpCode)
		}
	}
}

// maxFrame bounds what the client reads at once, in bytes: the longest answer,
// every byte of which JSON writes as six.
const maxFrame = 8 << 20

// ReadFrame reads one frame, unmasked as servers send them.
func ReadFrame(r io.Reader) (ws.Frame, error) {
	head, err := ws.ReadHeader(r)
	if err != nil {
		return ws.Frame{}, err
	}
	if head.Length > maxFrame {
		return ws.Frame{}, fmt.Errorf("a frame of %d bytes", head.Length)
	}
	f := ws.Frame{Header: head, Payload: make([]byte, head.Length)}
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}

func (w *webSocket) close() { _ = w.conn.Close() }
