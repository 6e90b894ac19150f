package main_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/sdk"
)

// device is one of a user's devices: what it stores outlives its client, and so
// does what it has shown.
type device struct {
	t     *testing.T
	o     sdk.Options
	store *sdk.MemoryStore

	client *sdk.Client
	loop   sync.WaitGroup

	mu     sync.Mutex
	got    []sdk.Message
	states []sdk.StateChange
	broken string // the first message out of order
	seqs   map[string]uint64
	more   chan struct{} // closed and replaced at every event
}

func (n *node) device(account string) *device {
	d := n.demo()
	store := new(sdk.MemoryStore)
	dev := &device{t: n.t, store: store, seqs: map[string]uint64{}, more: make(chan struct{})}
	dev.o = sdk.Options{
		LBS: n.lbs(), AppKey: d.AppKey, Account: account, Token: d.Tokens[account], Store: store,
		MinBackoff: 20 * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
	}
	n.t.Cleanup(dev.leave)
	return dev
}

// connect logs the device in.
func (d *device) connect() *device {
	d.t.Helper()
	client, err := sdk.New(d.o)
	if err != nil {
		d.t.Fatal(err)
	}
	d.client = client
	d.loop.Go(func() {
		for event := range client.Events(context.Background()) {
			d.take(event)
		}
	})
	if err := client.Connect(d.context()); err != nil {
		d.t.Fatalf("%s: %v", d.o.Account, err)
	}
	return d
}

// context is as long as a test is patient.
func (d *device) context() context.Context {
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	d.t.Cleanup(cancel)
	return ctx
}

func (d *device) take(event sdk.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e := event.(type) {
	case sdk.Message:
		if want := d.seqs[e.Peer] + 1; e.Seq != want && d.broken == "" {
			d.broken = fmt.Sprintf("%s got seq %d of the conversation with %s, want %d", d.o.Account, e.Seq, e.Peer, want)
		}
		d.seqs[e.Peer] = e.Seq
		d.got = append(d.got, e)
	case sdk.StateChange:
		d.states = append(d.states, e)
	}
	close(d.more)
	d.more = make(chan struct{})
}

// leave ends the client, as when the app is closed.
func (d *device) leave() {
	if d.client != nil {
		_ = d.client.Close()
		d.loop.Wait()
		d.client = nil
	}
}

// waitFor waits until what the device has seen satisfies done.
func (d *device) waitFor(what string, done func() bool) {
	d.t.Helper()
	timeout := time.After(patience)
	for {
		d.mu.Lock()
		ok, more, broken := done(), d.more, d.broken
		d.mu.Unlock()
		if broken != "" {
			d.t.Fatal(broken)
		}
		if ok {
			return
		}
		select {
		case <-more:
		case <-timeout:
			d.mu.Lock()
			defer d.mu.Unlock()
			d.t.Fatalf("%s waited in vain: %s; it has %d messages, states %v", d.o.Account, what, len(d.got), d.states)
		}
	}
}

// waitTexts waits until the texts received from peer, in order, are want.
func (d *device) waitTexts(want ...string) {
	d.t.Helper()
	var got []string
	d.waitFor(fmt.Sprintf("the texts %q", want), func() bool {
		got = d.texts()
		return len(got) >= len(want)
	})
	if strings.Join(got, "|") != strings.Join(want, "|") {
		d.t.Fatalf("%s has %q, want %q", d.o.Account, got, want)
	}
}

// texts are the bodies of what has come, in order; the caller holds mu.
func (d *device) texts() []string {
	texts := make([]string, len(d.got))
	for i, m := range d.got {
		texts[i] = m.Body
	}
	return texts
}

func (d *device) send(to, text string) sdk.SendResult {
	d.t.Helper()
	r, err := d.client.Send(d.context(), to, sdk.Text(text))
	if err != nil {
		d.t.Fatalf("%s sends %q: %v", d.o.Account, text, err)
	}
	return r
}

// call is one request of the tenant's backend; the answer's code is in it.
func (n *node) call(action string, form url.Values) map[string]any {
	n.t.Helper()
	d := n.demo()
	now := strconv.FormatInt(time.Now().Unix(), 10)
	nonce := strconv.FormatInt(time.Now().UnixNano(), 36)
	sum := sha1.Sum([]byte(d.AppSecret + nonce + now))
	r, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, "http://"+n.http+"/nimserver/"+action, strings.NewReader(form.Encode()))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	r.Header.Set("AppKey", d.AppKey)
	r.Header.Set("Nonce", nonce)
	r.Header.Set("CurTime", now)
	r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		n.t.Fatalf("%s: %v", action, err)
	}
	return answer
}
