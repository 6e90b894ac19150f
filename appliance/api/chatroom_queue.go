package api

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var paramQueueKey = param{name: "key", required: true, max: maxQueueKey, example: "mic-1"}

var chatroomQueueActions = []action{
	{
		name:   "chatroom/queueInit",
		about:  "Empties a room's queue and sets how many elements it may have.",
		params: []param{paramRoom, {name: "sizeLimit", kind: number, required: true, most: state.MaxRoomQueue, example: "8"}},
		answer: emptyDesc{},
		codes:  []outcome{roomMissing},
		serve:  (*API).initQueue,
	},
	{
		name:  "chatroom/queueOffer",
		about: "Puts an element to the end of a room's queue; one of the same key gets the new value and keeps its place.",
		params: []param{
			paramRoom, paramQueueKey, {name: "value", required: true, max: maxRoomText, example: "open"},
			{name: "operator", kind: account, about: "whose element it is; needs the right to change the queue"},
			{name: "transient", kind: boolean, about: "whether it goes when operator leaves the room, default false"},
		},
		answer: emptyDesc{},
		codes:  queueCodes,
		serve:  (*API).offerQueue,
	},
	{
		name:  "chatroom/queueBatchOffer",
		about: "Puts several elements to the end of a room's queue, as chatroom/queueOffer does.",
		params: []param{
			paramRoom, {name: "operator", kind: account, about: "whose elements they are; needs the right to change the queue"},
			{name: "elements", kind: jsonText, required: true, max: 50_000, about: `JSON object of keys and values, or array of objects with key, value, accid and transient; at most 100`, example: `{"mic-1":"open"}`},
			{name: "transient", kind: boolean, about: "as in chatroom/queueOffer"},
		},
		answer: emptyDesc{},
		codes:  queueCodes,
		serve:  (*API).offerQueueBatch,
	},
	{
		name:  "chatroom/queueBatchUpdateElements",
		about: "Gives elements that are in a room's queue new values.",
		params: []param{
			paramRoom, {name: "operator", kind: account, about: "in whose name; needs the right to change the queue"},
			{name: "elements", kind: jsonText, required: true, max: 50_000, about: `JSON object of keys and values, at most 200`, example: `{"mic-1":"closed"}`},
		},
		answer: queueMissingAnswer{},
		codes:  queueCodes[:2],
		serve:  (*API).updateQueue,
	},
	{
		name:   "chatroom/queuePoll",
		about:  "Takes an element out of a room's queue: the first one, or that of a key.",
		params: []param{paramRoom, {name: "key", max: maxQueueKey}},
		answer: elementAnswer{},
		codes:  []outcome{{wire.CodeNotFound, "there is no such room or element"}},
		serve:  (*API).pollQueue,
	},
	{
		name: "chatroom/queueList", about: "Lists a room's queue in its order.",
		params: []param{paramRoom}, answer: queueAnswer{}, codes: []outcome{roomMissing}, serve: (*API).listQueue,
	},
	{
		name: "chatroom/queueMultiGet", about: "Reads elements of a room's queue by their keys. Those that are not there are left out.",
		params: []param{paramRoom, {name: "keys", kind: jsonText, required: true, max: 50_000, about: "JSON array of keys, at most 200", example: `["mic-1"]`}},
		answer: queueAnswer{}, codes: []outcome{roomMissing}, serve: (*API).listQueue,
	},
	{
		name: "chatroom/queueDrop", about: "Empties a room's queue.",
		params: []param{paramRoom}, answer: emptyDesc{}, codes: []outcome{roomMissing}, serve: (*API).dropQueue,
	},
}

var queueCodes = []outcome{
	roomMissing,
	{wire.CodeForbidden, "operator may not change the queue"},
	{wire.CodeCountLimit, "the queue has as many elements as it may have"},
}

type (
	emptyDesc struct {
		Desc struct{} `json:"desc"`
	}
	queueMissingAnswer struct {
		Desc struct {
			Missing []string `json:"noExistElementKey" of:"key"`
		} `json:"desc"`
	}
	elementAnswer struct {
		Desc struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"desc"`
	}
	queueAnswer struct {
		Desc struct {
			List []json.RawMessage `json:"list" of:"element" about:"each an object of one key and its value"`
		} `json:"desc"`
	}
)

func (a *API) initQueue(ctx context.Context, c *call) (any, error) {
	_, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomQueueInit, Number: uint32(c.args["sizeLimit"].number)})
	return emptyDesc{}, err
}

func (a *API) dropQueue(ctx context.Context, c *call) (any, error) {
	_, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomQueueDrop})
	return emptyDesc{}, err
}

func (a *API) offerQueue(ctx context.Context, c *call) (any, error) {
	_, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomQueueOffer, Elements: []*wire.RoomElement{{
		Key: c.args["key"].text, Value: c.args["value"].text, Transient: c.args["transient"].flag,
	}}})
	return emptyDesc{}, err
}

// elementList are elements as Yunxin's official clients send them.
func (c *call) elementList(text string, most int) ([]*wire.RoomElement, error) {
	var list []struct {
		Key, Value, Accid string
		Transient         *bool
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 || len(list) > most {
		return nil, wire.Errorf(wire.CodeBadParameter, "elements must be a JSON array of 1 to %d objects", most)
	}
	elements := make([]*wire.RoomElement, len(list))
	for i, e := range list {
		elements[i] = &wire.RoomElement{Key: e.Key, Value: e.Value, Owner: e.Accid, Transient: c.args["transient"].flag}
		if e.Transient != nil {
			elements[i].Transient = *e.Transient
		}
	}
	return elements, nil
}

// elements are those in the parameter of this name, a JSON object, in the order of
// their keys there, or an array of objects.
func (c *call) elements(most int) ([]*wire.RoomElement, error) {
	if text := strings.TrimSpace(c.args["elements"].text); strings.HasPrefix(text, "[") {
		return c.elementList(text, most)
	}
	d := json.NewDecoder(strings.NewReader(c.args["elements"].text))
	bad := wire.Errorf(wire.CodeBadParameter, "elements must be a JSON object of 1 to %d texts", most)
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	var elements []*wire.RoomElement
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, bad
		}
		value, err := d.Token()
		text, ok := value.(string)
		if err != nil || !ok || len(elements) == most {
			return nil, bad
		}
		elements = append(elements, &wire.RoomElement{Key: key.(string), Value: text, Transient: c.args["transient"].flag})
	}
	if len(elements) == 0 {
		return nil, bad
	}
	return elements, nil
}

func (a *API) offerQueueBatch(ctx context.Context, c *call) (any, error) {
	elements, err := c.elements(maxQueueElements)
	if err != nil {
		return nil, err
	}
	_, err = a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomQueueOffer, Elements: elements})
	return emptyDesc{}, err
}

func (a *API) updateQueue(ctx context.Context, c *call) (any, error) {
	elements, err := c.elements(state.MaxRoomNamed)
	if err != nil {
		return nil, err
	}
	res, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomQueueUpdate, Elements: elements})
	if err != nil {
		return nil, err
	}
	answer := queueMissingAnswer{}
	answer.Desc.Missing = list(res.Missing)
	return answer, nil
}

func (a *API) pollQueue(ctx context.Context, c *call) (any, error) {
	change := &state.RoomChange{Op: state.RoomQueuePoll}
	if key := c.args["key"].text; key != "" {
		change.Elements = []*wire.RoomElement{{Key: key}}
	}
	res, err := a.changeRoom(ctx, c, "", change)
	if err != nil {
		return nil, err
	}
	answer := elementAnswer{}
	answer.Desc.Key, answer.Desc.Value = res.Elements[0].Key, res.Elements[0].Value
	return answer, nil
}

// listQueue also serves queueMultiGet, which has keys.
func (a *API) listQueue(ctx context.Context, c *call) (any, error) {
	var keys []string
	if c.args["keys"].given {
		var err error
		if keys, err = c.parseTexts("keys", state.MaxRoomNamed); err != nil {
			return nil, err
		}
	}
	elements, err := a.app.RoomQueue(ctx, c.appKey(), c.room(), keys)
	if err != nil {
		return nil, err
	}
	answer := queueAnswer{}
	answer.Desc.List = make([]json.RawMessage, len(elements))
	for i, e := range elements {
		if answer.Desc.List[i], err = json.Marshal(map[string]string{e.Key: e.Value}); err != nil {
			return nil, err
		}
	}
	return answer, nil
}
