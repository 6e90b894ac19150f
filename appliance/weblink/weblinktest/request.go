package weblinktest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Request sends m as the request cmd and waits for its answer. A nil m sends no
// argument.
func (c *Client) Request(ctx context.Context, cmd wire.Command, m proto.Message) (wire.Code, json.RawMessage, error) {
	call, err := c.Start(cmd.String(), m)
	if err != nil {
		return 0, nil, err
	}
	return call.Wait(ctx)
}

// Call is a request that is under way.
type Call struct {
	client *Client
	answer chan answer
}

// Start sends an event that wants an answer, which Wait gets. The argument is a
// proto.Message, a json.RawMessage that is sent as it is, or nil for none.
func (c *Client) Start(name string, argument any) (*Call, error) {
	var members []byte
	switch a := argument.(type) {
	case nil:
	case json.RawMessage:
		members = append([]byte{','}, a...)
	case proto.Message:
		text, err := protojson.Marshal(a)
		if err != nil {
			return nil, err
		}
		members = append([]byte{','}, text...)
	default:
		return nil, fmt.Errorf("weblinktest: %T is no argument", argument)
	}
	call := &Call{client: c, answer: make(chan answer, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.nextID
	c.nextID++
	c.waiting[id] = call.answer
	packet := append([]byte{engineMessage, socketEvent}, strconv.FormatUint(id, 10)...)
	packet = append(packet, '[')
	packet = strconv.AppendQuote(packet, name)
	packet = append(packet, members...)
	return call, c.transport.send(append(packet, ']'))
}

// Wait returns the answer's code and body.
func (c *Call) Wait(ctx context.Context) (wire.Code, json.RawMessage, error) {
	select {
	case a := <-c.answer:
		return a.Code, a.Body, nil
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	case <-c.client.ended:
	}
	select { // it may have come with the last of what was read
	case a := <-c.answer:
		return a.Code, a.Body, nil
	default:
		return 0, nil, ErrEnded
	}
}

// SendPacket sends a Socket.IO packet as it is, and the binary attachments that
// belong to it.
func (c *Client) SendPacket(packet string, attachments ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.transport.send(append([]byte{engineMessage}, packet...)); err != nil {
		return err
	}
	for _, a := range attachments {
		if err := c.transport.sendBinary(a); err != nil {
			return err
		}
	}
	return nil
}
