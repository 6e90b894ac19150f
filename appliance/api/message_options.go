package api

import (
	"encoding/json"
	"math"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// optionParams are what a message may carry beside its content (facts/yunxin-api.md
// §3.1).
var optionParams = []param{
	{name: "subType", kind: number, most: math.MaxInt32, about: "the application's own, below type"},
	{name: "option", kind: jsonText, max: 1024, about: "an object of booleans, all true by default: `push`, `roam`, `history`, `sendersync`, `badge`, `persistent` (false: only for who is online now), `route`, `needPushNick`", example: `{"badge":false}`},
	{name: "pushcontent", max: maxPushContent, about: "text of the push to devices that sleep"},
	{name: "payload", kind: jsonText, max: maxPushPayload, about: "for the app that is woken by the push"},
}

// forceParams are those of pushes that are forced, in teams.
var forceParams = []param{
	{name: "forcepushlist", kind: accounts, max: maxForcedPushes, about: "in a team: those members to whom the push is made although they have turned its notifications off"},
	{name: "forcepushall", kind: boolean, about: "in a team: push to all"},
	{name: "forcepushcontent", max: maxPushContent, about: "what those get instead of pushcontent"},
}

// setOptions moves into m what the parameters say beside its content.
func (c *call) setOptions(m *wire.Message) error {
	m.SubType = uint32(c.args["subType"].number)
	if option := c.args["option"]; option.given {
		var err error
		if m.Options, err = parseOptions(option.text); err != nil {
			return err
		}
	}
	p := &wire.PushOptions{
		Content: c.args["pushcontent"].text, Payload: c.args["payload"].text,
		ForceAccounts: c.args["forcepushlist"].list, ForceAll: c.args["forcepushall"].flag, ForceContent: c.args["forcepushcontent"].text,
	}
	if p.SizeVT() > 0 {
		m.Push = p
	}
	return nil
}

// parseOptions reads the parameter option; nil when everything is on. Numbers and
// texts pass for booleans, as in other parameters, and unknown names are passed over.
// Names match in any case, as encoding/json does by itself.
func parseOptions(text string) (*wire.MessageOptions, error) {
	set := struct{ Push, Roam, History, SenderSync, Badge, Persistent, Route, NeedPushNick *looseBool }{}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return nil, wire.Errorf(wire.CodeBadParameter, `parameter option is not an object of booleans like {"badge":false}`)
	}
	o := &wire.MessageOptions{
		NoPush: set.Push.off(), NoRoam: set.Roam.off(), NoHistory: set.History.off(), NoSenderSync: set.SenderSync.off(),
		NoBadge: set.Badge.off(), OnlineOnly: set.Persistent.off(), NoCopy: set.Route.off(), NoPushNick: set.NeedPushNick.off(),
	}
	if o.SizeVT() == 0 {
		return nil, nil
	}
	return o, nil
}

// looseBool is a boolean that may be written as a number or a text.
type looseBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *looseBool) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "true", `"true"`, "1", `"1"`, "null":
		*b = true
	case "false", `"false"`, "0", `"0"`:
		*b = false
	default:
		return complaint("is not a boolean")
	}
	return nil
}

func (b *looseBool) off() bool { return b != nil && !bool(*b) }
