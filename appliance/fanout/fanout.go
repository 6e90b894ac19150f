package fanout

import (
	"encoding/binary"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Fanout pushes accepted messages and read cursors to the devices that should
// see them. Deliver belongs to one goroutine, which keeps the order of each
// conversation.
type Fanout struct {
	hub     *session.Hub
	metrics metrics
	mega    *mega

	broadcaster *broadcaster

	receivers []*session.Session // scratch of Deliver
}

// New makes a Fanout that finds sessions in hub. A nil reg registers no metrics.
// Its owner calls Close, after the last Deliver.
func New(hub *session.Hub, reg prometheus.Registerer) *Fanout {
	f := &Fanout{hub: hub}
	f.mega = newMega(f)
	f.metrics = newMetrics(reg)
	f.broadcaster = newBroadcaster(hub, &f.metrics.broadcasts, reg)
	f.mega.register(reg)
	return f
}

// Deliver pushes what results tell, in their order; it is made for
// raftstore.Options.OnApplied. Results of other kinds are passed over. It keeps
// nothing of results, and does not block, except that those about mega-teams wait
// in a queue of their own, and Deliver with them when that is full.
func (f *Fanout) Deliver(results []any) {
	for _, result := range results {
		switch r := result.(type) {
		case *state.SendResult:
			f.message(r)
		case *state.DeletionResult:
			f.deletion(r)
		case *state.ReadResult:
			f.read(r)
			f.receipts(r)
		case *state.ReadManyResult:
			f.readMany(r)
		case *state.ConversationChangeResult:
			f.setting(r)
		case *state.DoNotDisturbResult:
			f.doNotDisturb(r)
		case *state.RelationResult:
			f.relation(r)
		case *state.FriendModeResult:
			f.friendMode(r)
		case *state.TeamResult:
			f.team(r)
		case *state.NotifyResult:
			f.notify(r)
		case *state.BroadcastResult:
			f.broadcast(r)
		case *state.SubscriptionResult:
			f.subscription(r)
		}
	}
	// Sessions that are gone must not stay alive here.
	clear(f.receivers[:cap(f.receivers)])
}

// message pushes one new entry of a conversation: to every device of the
// receiver, and to those of the sender but the one that sent it.
func (f *Fanout) message(r *state.SendResult) {
	if r.Code != wire.CodeOK || r.Duplicate {
		return
	}
	if r.Mega {
		f.mega.enqueue(r)
		return
	}
	if r.Team != 0 {
		f.teamMessage(r)
		return
	}
	if f.find(r.Tenant, r.From, r.To, r.Session) {
		f.pushMessage(r)
	}
}

// read pushes a moved read cursor: to the peer as a receipt, to the reader's
// other devices so that they agree on what is unread.
func (f *Fanout) read(r *state.ReadResult) {
	if r.Code != wire.CodeOK || !r.Changed {
		return
	}
	scene, peer := wire.Scene_SCENE_P2P, r.Peer
	if r.Team != 0 {
		scene, peer = wire.Scene_SCENE_TEAM, r.Reader // nobody else is told
	}
	if f.find(r.Tenant, r.Reader, peer, r.Session) {
		f.push(session.NewEvent(wire.PushRead, &wire.ReadPush{
			Scene: scene, Reader: r.Reader, Peer: r.Peer, Seq: r.Seq, TimeMs: r.TimeMs,
		}), &f.metrics.reads)
	}
}

// find collects the sessions of both accounts, each once (an account may write
// to itself), without the origin, and reports whether there is any: nothing
// needs to be encoded when nobody is here.
func (f *Fanout) find(tenant uint32, a, b string, origin uint64) bool {
	f.receivers = f.hub.Sessions(f.receivers[:0], tenant, a)
	if b != a {
		f.receivers = f.hub.Sessions(f.receivers, tenant, b)
	}
	return f.leaveOut(origin)
}

// leaveOut takes the session origin out of the receivers and reports whether any
// are left.
func (f *Fanout) leaveOut(origin uint64) bool {
	f.receivers = slices.DeleteFunc(f.receivers, func(s *session.Session) bool {
		return s.Identity().SessionID == origin
	})
	return len(f.receivers) > 0
}

func (f *Fanout) push(ev *session.Event, m *kindMetrics) {
	for _, s := range f.receivers {
		s.Conn().Push(ev)
	}
	m.events.Inc()
	m.deliveries.Add(float64(len(f.receivers)))
}

// messageField is the key of MessagePush.message: field 1, length-delimited
// (protobuf encoding, https://protobuf.dev/programming-guides/encoding/).
const messageField = 1<<3 | 2

// messagePush is the encoding of a wire.MessagePush around an encoded
// wire.Message.
func messagePush(message []byte) []byte {
	b := make([]byte, 0, 1+binary.MaxVarintLen32+len(message))
	b = append(b, messageField)
	b = binary.AppendUvarint(b, uint64(len(message)))
	return append(b, message...)
}
