package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// webCarrier is a connection of WebLink; everything is in its JSON form.
type webCarrier struct{ client *weblinktest.Client }

func dialWeb(ctx context.Context, in *wire.LoginRequest) (carrier, *wire.LoginResponse, error) {
	c, err := weblinktest.Dial(ctx, node.web, in)
	if e := (*weblinktest.RefusedError)(nil); errors.As(err, &e) {
		return nil, nil, &refused{e.Code, e.Note}
	}
	if err != nil {
		return nil, nil, err
	}
	return &webCarrier{c}, c.Login(), nil
}

func (c *webCarrier) ask(cmd wire.Command, in proto.Message) (answer, []push, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, body, err := c.client.Request(ctx, cmd, in)
	if err != nil {
		return answer{}, nil, err
	}
	var pushes []push
	for {
		select {
		case e, ok := <-c.client.Events(): // read before the answer, by the same goroutine
			if ok {
				pushes = append(pushes, pushOf(e))
				continue
			}
		default:
		}
		return answer{code, jsonDecoder(body)}, pushes, nil
	}
}

func (c *webCarrier) wait() (push, error) {
	select {
	case e, ok := <-c.client.Events():
		if !ok {
			return push{}, errGone
		}
		return pushOf(e), nil
	case <-time.After(patience):
		return push{}, errors.New("nothing has come")
	}
}

func (c *webCarrier) close() { c.client.Close() }

// pushNames are the commands by the names that they have here.
var pushNames = func() map[string]wire.Command {
	names := make(map[string]wire.Command)
	for cmd := range wire.Command(256) {
		if cmd.IsPush() {
			names[cmd.String()] = cmd
		}
	}
	return names
}()

func pushOf(e weblinktest.Event) push { return push{pushNames[e.Name], e.Decode} }

func jsonDecoder(body json.RawMessage) func(proto.Message) error {
	return func(m proto.Message) error {
		if err := weblinktest.Decode(body, m); err != nil {
			return fmt.Errorf("%s: %w", body, err)
		}
		return nil
	}
}
