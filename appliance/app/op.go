package app

import (
	"fmt"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// op is a client's command on its way through the store, and the
// raftstore.Completion that answers it. Ops are pooled with the buffers that a
// message needs, so that sending one allocates nothing here.
type op struct {
	app     *App
	request request
	buf     []byte // the encoded command; the store copies it

	// Scratch of send. Strings of in and message share the request's payload:
	// both are reset before the op is submitted.
	in      wire.SendRequest
	message wire.Message
	sent    wire.SendResponse
}

var ops = sync.Pool{New: func() any { return new(op) }}

// maxIdleBuffer is the largest buffer that a pooled op keeps: a message of the
// longest body in Chinese.
const maxIdleBuffer = 32 << 10

func (a *App) newOp(r *request) *op {
	o := ops.Get().(*op)
	o.app, o.request = a, *r
	return o
}

// recycle gives o back; nobody may use it afterwards.
func (o *op) recycle() {
	o.app, o.request = nil, request{}
	if cap(o.buf) > maxIdleBuffer {
		o.buf = nil
	}
	ops.Put(o)
}

// command is a command of the state machine.
type command interface{ Append(dst []byte) []byte }

// submit hands c to the store for r. A nil error means that the answer will come
// from the op.
func (a *App) submit(r *request, c command) error {
	o := a.newOp(r)
	o.buf = c.Append(o.buf[:0])
	return o.submit()
}

// submit hands o.buf to the store. The store may be done with o before Submit
// returns: after success o belongs to Done.
func (o *op) submit() error {
	err := o.app.store.Submit(o.buf, o)
	if err != nil {
		o.recycle()
	}
	return err
}

// Done implements raftstore.Completion.
func (o *op) Done(result any, err error) {
	a, r := o.app, &o.request
	if err == nil {
		a.metrics.commit.Observe(a.now().Sub(r.start).Seconds())
		err = o.answer(result)
	}
	if err != nil {
		a.fail(r, err)
	}
	o.recycle()
}

// answer replies with what the state machine said, or returns why it refused.
func (o *op) answer(result any) error {
	switch res := result.(type) {
	case *state.SendResult:
		return o.answerMessage(res)
	case *state.DeletionResult:
		return o.answerDeletion(res)
	case *state.ReadResult:
		return o.acknowledge(res.Code)
	case *state.TeamResult:
		return o.answerTeam(res)
	case *state.RoomResult:
		return o.answerRoom(res)
	case *state.AccountResult:
		return o.acknowledge(res.Code)
	case *state.NotifyResult:
		return o.answerNotify(res)
	case *state.RelationResult:
		return o.answerRelation(res)
	case *state.ConversationChangeResult:
		return o.answerConversation(res)
	case *state.ReadManyResult:
		return o.answerReadMany(res)
	case *state.DoNotDisturbResult:
		return o.answerDoNotDisturb(res)
	case *state.FriendModeResult:
		return o.answerFriendMode(res)
	case *state.SubscriptionResult:
		return o.answerSubscription(res)
	default:
		return unexpected(result)
	}
}

// unexpected is the error for a result that does not belong to its command.
func unexpected(result any) error {
	if unknown, ok := result.(*state.UnknownResult); ok {
		return outcome(unknown.Code)
	}
	return fmt.Errorf("the state machine answered %T", result)
}

func (o *op) acknowledge(code wire.Code) error {
	if err := outcome(code); err != nil {
		return err
	}
	o.app.ok(&o.request, nil)
	return nil
}

// bestEffort is the Completion of a command whose outcome nobody waits for.
type bestEffort struct{}

// Done implements raftstore.Completion.
func (bestEffort) Done(any, error) {}
