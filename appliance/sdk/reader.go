package sdk

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// errSilent ends a link whose server does not answer heartbeats.
var errSilent = errors.New("the server was silent for too long")

// read serves the connection's frames until it ends, then fails what is pending.
func (l *link) read() {
	defer close(l.dead)
	err := l.readFrames()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errSilent
	}
	l.close(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	for serial, p := range l.pending {
		delete(l.pending, serial)
		p.done <- errLinkDown
	}
}

func (l *link) readFrames() error {
	for {
		f, err := l.conn.ReadFrame()
		if err != nil {
			return err
		}
		switch f.Kind {
		case wire.KindResponse:
			err = l.response(&f)
		case wire.KindPush:
			err = l.push(&f)
		}
		if err != nil {
			return err
		}
		l.extendDeadline(time.Now())
	}
}

// response gives an answer to its call.
func (l *link) response(f *wire.Frame) error {
	l.mu.Lock()
	p := l.pending[f.Serial]
	delete(l.pending, f.Serial)
	l.mu.Unlock()
	if p == nil {
		return fmt.Errorf("the server answered request %d, which was not asked", f.Serial)
	}
	p.done <- p.outcome(f)
	return nil
}

func (p *pendingCall) outcome(f *wire.Frame) error {
	if f.Code == wire.CodeOK {
		if p.reply == nil {
			return nil
		}
		if err := p.reply(f.Payload); err != nil {
			return fmt.Errorf("decoding the server's answer: %w", err)
		}
		return nil
	}
	var body wire.ErrorBody
	_ = body.UnmarshalVT(f.Payload) // the code is what counts
	answer := &wire.Error{Code: f.Code, Note: body.Note}
	if f.Code == wire.CodeBusy || f.Code == wire.CodeRateLimited {
		return &retryError{answer: answer, after: time.Duration(body.RetryAfterMs) * time.Millisecond}
	}
	return answer
}

// push takes what the server tells by itself. An error closes the link.
func (l *link) push(f *wire.Frame) error {
	switch f.Command {
	case wire.PushMessage:
		var p wire.MessagePush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Message == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offer(p.Message)
	case wire.PushOnlineMessage:
		var p wire.OnlineMessagePush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Message == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerOnline(p.Message)
	case wire.PushDeletion:
		var p wire.DeletionPush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Deletion == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.deletedUpTo(p.Deletion.Version)
	case wire.PushRead:
		var p wire.ReadPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.readPush(&p)
	case wire.PushTeamState:
		var p wire.TeamStatePush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.State == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerTeam(p.State)
	case wire.PushTeamApplication:
		var p wire.TeamApplicationPush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Application == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerApplication(TeamApplication{Team: p.Team, Application: p.Application})
	case wire.PushTeamReceipt:
		var p wire.TeamReceiptPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerHint(TeamReceipt{Team: p.Team, Reader: p.Reader, AfterSeq: p.AfterSeq, Seq: p.Seq})
	case wire.PushRoomMessage:
		p := new(wire.RoomMessagePush)
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		if l.rooms.has(p.Room) {
			l.inbox.offerRoom(RoomMessage{RoomMessagePush: p})
		}
	case wire.PushNotification:
		var p wire.NotificationPush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Notification == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerNotification(p.Notification)
	case wire.PushBroadcast:
		var p wire.BroadcastPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.offerBroadcast(&p)
	case wire.PushRoomNotice:
		p := new(wire.RoomNoticePush)
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		if l.rooms.has(p.Room) {
			l.inbox.offerNotice(RoomNotice{RoomNoticePush: p})
		}
	case wire.PushRoomOut:
		var p wire.RoomOutPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		if l.rooms.out(p.Room) {
			l.inbox.offerOut(RoomOut{Room: p.Room, Reason: p.Reason, By: p.By, Ext: p.Ext})
		}
	case wire.PushRelation:
		p := new(wire.RelationPush)
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Relation == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.pushedRelation(p)
	case wire.PushConversationSetting:
		p := new(wire.ConversationSettingPush)
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Setting == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.pushedSetting(p.Setting)
	case wire.PushDoNotDisturb:
		p := new(wire.DoNotDisturbPush)
		if err := p.UnmarshalVT(f.Payload); err != nil || p.DoNotDisturb == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.pushedDoNotDisturb(p)
	case wire.PushPresence:
		var p wire.PresencePush
		if err := p.UnmarshalVT(f.Payload); err != nil || p.Presence == nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.pushedPresence(p.Presence)
	case wire.PushFriendMode:
		var p wire.FriendModePush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		l.inbox.pushedMode(&p)
	case wire.PushKicked:
		var p wire.KickedPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		return &KickedError{Reason: p.Reason, Platform: p.ByPlatform, Device: p.ByDevice, Note: p.Note}
	case wire.PushGoAway:
		var p wire.GoAwayPush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		select {
		case l.goAway <- time.Duration(p.DelayMs) * time.Millisecond:
		default: // asked already
		}
	case wire.PushClose:
		var p wire.ClosePush
		if err := p.UnmarshalVT(f.Payload); err != nil {
			return malformedPush(f.Command, err)
		}
		return fmt.Errorf("the server closed the connection: %w", &wire.Error{Code: wire.Code(p.Code), Note: p.Note})
	}
	return nil // a push that this version does not know
}

func malformedPush(cmd wire.Command, err error) error {
	return fmt.Errorf("the server sent a malformed %s: %w", cmd, errors.Join(errors.New("push"), err))
}
