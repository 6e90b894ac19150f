package app

import (
	"encoding/json"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// hasExtras reports whether a message has any of what extras checks. Most have
// nothing.
func hasExtras(in *wire.SendRequest) bool {
	return in.Options != nil || in.Push != nil || in.SubType != 0 || in.ReplyTo != 0 || in.Forward != nil ||
		len(in.Merged) > 0 || in.Type == typeMerged
}

// extras checks what a message carries beside its content, and moves it into m.
func extras(in *wire.SendRequest, m *wire.Message) error {
	if in.Options.GetOnlineOnly() && in.ReplyTo != 0 {
		return wire.Errorf(wire.CodeBadParameter, "a message that is online_only cannot reply")
	}
	if in.Push != nil {
		if err := pushOptions(in.Scene, in.Push); err != nil {
			return err
		}
		in.Push.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	}
	if in.Options != nil {
		in.Options.ProtoReflect().SetUnknown(nil)
	}
	if err := forwards(in, m); err != nil {
		return err
	}
	m.Options, m.Push, m.SubType, m.ReplyTo = in.Options, in.Push, in.SubType, in.ReplyTo
	return nil
}

func pushOptions(scene wire.Scene, p *wire.PushOptions) error {
	if err := charsWithin("push content", p.Content, maxPushContent); err != nil {
		return err
	}
	if err := charsWithin("push force_content", p.ForceContent, maxPushContent); err != nil {
		return err
	}
	if err := bytesWithin("push payload", p.Payload, 0, state.MaxPushPayload); err != nil {
		return err
	}
	if p.Payload != "" && !json.Valid([]byte(p.Payload)) {
		return wire.Errorf(wire.CodeBadParameter, "push payload must be JSON")
	}
	if scene != wire.Scene_SCENE_TEAM && (p.ForceAll || len(p.ForceAccounts) > 0) {
		return wire.Errorf(wire.CodeBadParameter, "only messages of teams can force a push")
	}
	if len(p.ForceAccounts) > state.MaxForceAccounts {
		return wire.Errorf(wire.CodeForceList, "a push can be forced on at most %d accounts", state.MaxForceAccounts)
	}
	for i := range p.ForceAccounts {
		var err error
		if p.ForceAccounts[i], err = accountName("push force_accounts", p.ForceAccounts[i]); err != nil {
			return err
		}
	}
	return nil
}

// forwards checks what a message forwards. What the entries say only the state
// machine knows.
func forwards(in *wire.SendRequest, m *wire.Message) error {
	if (in.Type == typeMerged) != (len(in.Merged) > 0) || len(in.Merged) > state.MaxMerged {
		return wire.Errorf(wire.CodeBadParameter, "a merged forward, and nothing else, names 1 to %d messages", state.MaxMerged)
	}
	if in.Forward != nil {
		if in.Type != 0 || in.SubType != 0 || in.Body != "" || in.Ext != "" {
			return wire.Errorf(wire.CodeBadParameter, "a forwarded message has the content of the other one, and none of its own")
		}
		var err error
		m.Origin, err = origin(in.Forward)
		return err
	}
	for _, from := range in.Merged {
		o, err := origin(from)
		if err != nil {
			return err
		}
		m.Merged = append(m.Merged, &wire.MergedMessage{Origin: o})
	}
	return nil
}

// origin is what a client may say of an entry that it forwards.
func origin(o *wire.Origin) (*wire.Origin, error) {
	peer, err := counterpart(o.Scene, "peer", o.Peer)
	if err != nil {
		return nil, err
	}
	if o.Seq == 0 {
		return nil, errSeq
	}
	return &wire.Origin{Scene: o.Scene, Peer: peer, Seq: o.Seq}, nil
}

// clonePush copies what pushOptions may change.
func clonePush(p *wire.PushOptions) *wire.PushOptions {
	if p == nil {
		return nil
	}
	return &wire.PushOptions{
		Content: p.Content, Payload: p.Payload, ForceAccounts: slices.Clone(p.ForceAccounts), ForceAll: p.ForceAll, ForceContent: p.ForceContent,
	}
}
