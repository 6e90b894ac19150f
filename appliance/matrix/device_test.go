package matrix

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// device is one client of an account, whatever it is connected by.
type device struct {
	t         testing.TB
	site      *site
	transport transport
	account   string
	login     *wire.LoginResponse
	carrier
	pushes []push // that have come and that nobody has asked for yet
}

// carrier is a connection that has logged in.
type carrier interface {
	// ask sends a request and waits for its answer. The pushes came before it.
	ask(cmd wire.Command, in proto.Message) (answer, []push, error)
	// wait waits for the next push. errGone: the connection has ended.
	wait() (push, error)
	close()
}

type answer struct {
	code   wire.Code
	decode func(proto.Message) error
}

type push struct {
	cmd    wire.Command
	decode func(proto.Message) error
}

// errGone is returned by wait when the server has closed the connection.
var errGone = errors.New("the connection has ended")

// refused is a login's refusal.
type refused struct {
	code wire.Code
	note string
}

func (e *refused) Error() string { return "refused: " + e.note }

// refusalOf is what the server has answered, CodeOK when err is something else.
func refusalOf(err error) (wire.Code, string) {
	if e := (*refused)(nil); errors.As(err, &e) {
		return e.code, e.note
	}
	return wire.CodeOK, ""
}

func (d *device) do(cmd wire.Command, in proto.Message) answer {
	d.t.Helper()
	a, pushes, err := d.ask(cmd, in)
	if err != nil {
		d.t.Fatalf("%s asks %s: %v", d.account, cmd, err)
	}
	d.pushes = append(d.pushes, pushes...)
	for _, p := range pushes {
		used.pushed(d.transport, p.cmd)
	}
	used.asked(d.transport, cmd, a.code)
	return a
}

// ok sends a request, wants code 200 and decodes the answer into out, unless that
// is nil.
func (d *device) ok(cmd wire.Command, in, out proto.Message) {
	d.t.Helper()
	a := d.do(cmd, in)
	if a.code != wire.CodeOK {
		d.t.Fatalf("%s asks %s %v: code %d, %s", d.account, cmd, in, a.code, a.note())
	}
	if out != nil {
		proto.Reset(out)
		if err := a.decode(out); err != nil {
			d.t.Fatalf("%s asks %s: %v", d.account, cmd, err)
		}
	}
}

func (a answer) note() string {
	var e wire.ErrorBody
	_ = a.decode(&e)
	return e.Note
}

// code sends a request and returns the code of its answer.
func (d *device) code(cmd wire.Command, in proto.Message) wire.Code {
	d.t.Helper()
	return d.do(cmd, in).code
}

// refused sends a request and wants this code and a note.
func (d *device) refused(code wire.Code, cmd wire.Command, in proto.Message) {
	d.t.Helper()
	if a := d.do(cmd, in); a.code != code || a.note() == "" {
		d.t.Errorf("%s asks %s %v: code %d %q, want %d and a note", d.account, cmd, in, a.code, a.note(), code)
	}
}

// next is the next push of this command; those of others are kept.
func (d *device) next(cmd wire.Command, into proto.Message) {
	d.t.Helper()
	for i, p := range d.pushes {
		if p.cmd == cmd {
			d.pushes = slices.Delete(d.pushes, i, i+1)
			d.decodePush(p, into)
			return
		}
	}
	for {
		p, err := d.wait()
		if err != nil {
			d.t.Fatalf("%s waits for %s: %v", d.account, cmd, err)
		}
		used.pushed(d.transport, p.cmd)
		if p.cmd == cmd {
			d.decodePush(p, into)
			return
		}
		d.pushes = append(d.pushes, p)
	}
}

func (d *device) decodePush(p push, into proto.Message) {
	d.t.Helper()
	proto.Reset(into)
	if err := p.decode(into); err != nil {
		d.t.Fatalf("%s got %s: %v", d.account, p.cmd, err)
	}
}

// none wants no push of these commands to have come, of any when none is named.
// See settle for what is waited for.
func (d *device) none(cmds ...wire.Command) {
	d.t.Helper()
	d.settle()
	for _, p := range d.pushes {
		if len(cmds) == 0 || slices.Contains(cmds, p.cmd) {
			d.t.Errorf("%s got %s, want nothing", d.account, p.cmd)
		}
	}
}

// settle takes in the pushes of what was answered before the call. An answer may
// come before the pushes to others, but these keep the order of what they tell of:
// the device waits for one that is made now.
func (d *device) settle() {
	d.t.Helper()
	mark := rand.Text()
	d.site.backend.ok(nil, "msg/sendAttachMsg", "from", d.account, "msgtype", "0", "to", d.account, "attach", mark, "save", "1")
	for {
		p, err := d.wait()
		if err != nil {
			d.t.Fatalf("%s waits for what is under way: %v", d.account, err)
		}
		used.pushed(d.transport, p.cmd)
		if p.cmd == wire.PushNotification {
			var push wire.NotificationPush
			if d.decodePush(p, &push); push.Notification.GetAttach() == mark {
				return
			}
		}
		d.pushes = append(d.pushes, p)
	}
}

// forget drops the pushes that have come.
func (d *device) forget() {
	d.t.Helper()
	d.settle()
	d.pushes = nil
}

// gone wants the server to close the connection; pushes before that are kept.
func (d *device) gone() {
	d.t.Helper()
	for {
		p, err := d.wait()
		if errors.Is(err, errGone) {
			return
		}
		if err != nil {
			d.t.Fatalf("%s waits for the end: %v", d.account, err)
		}
		used.pushed(d.transport, p.cmd)
		d.pushes = append(d.pushes, p)
	}
}
