package callback

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/app"
)

// change is what modifyResponse wants a message to be, nil when it is good as it
// is. served is false for what no message can be changed to, and for changes of
// anything else than a message. A refusal changes nothing.
//
// modifyResponse is an object, or a string that holds one. Of a text body is the
// text; of the other types body and attach are the JSON, as it is or as text. ext is
// text. What is there must be of these; empty members are as if they were not.
func (a *answer) change(q *app.Question) (change *app.MessageChange, served bool) {
	if *a.ErrCode != 0 {
		return nil, true
	}
	text := bytes.TrimSpace(a.ModifyResponse)
	var inner string
	if json.Unmarshal(text, &inner) == nil { // also null
		text = []byte(strings.TrimSpace(inner))
	}
	if len(text) == 0 {
		return nil, true
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil, false
	}
	for name, value := range members {
		switch string(value) {
		case "null", `""`, "{}":
			continue
		}
		if q.Message == nil && q.Notification == nil {
			return nil, false
		}
		if change == nil {
			change = new(app.MessageChange)
		}
		isText := q.Message != nil && q.Message.Type == 0
		switch {
		case name == "body" && isText && json.Unmarshal(value, &change.Body) == nil:
		case (name == "body" || name == "attach") && !isText:
			change.Body = textOf(value)
		case name == "ext" && json.Unmarshal(value, &change.Ext) == nil:
		default:
			return nil, false
		}
	}
	return change, true
}

// textOf is JSON text that is given as a string, or as it is.
func textOf(value json.RawMessage) *string {
	text := new(string)
	if json.Unmarshal(value, text) != nil {
		*text = string(value)
	}
	return text
}
