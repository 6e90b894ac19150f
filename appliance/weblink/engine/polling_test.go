package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

func TestPollingCarriesTextAndBinaryInOrder(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		a.echo = true
		n := serve(t, a, engine.Options{})
		c, p := n.polling(t, secure)
		const payload = "4hello\x1ebAQIDBA==\x1e4你好 👋\x1e4end"
		c.wantTaken(payload)
		p.wantReceived(t, "hello", "binary:\x01\x02\x03\x04", "你好 👋", "end")
		c.want(payload)
	})
}

func TestAPollWaitsForAMessage(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	got := c.later()
	p.Send(engine.Message([]byte("now"), false))
	c.wantAnswer(got, "4now")
}

// As in the reference: the stock client gives its session up with its poll. What
// was queued is not lost silently.
func TestAPollThatIsGivenUpEndsTheSession(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, p := n.polling(t, secure)
		conn := n.dial(t, secure)
		if _, err := fmt.Fprintf(conn, "GET /?%s HTTP/1.1\r\nHost: test\r\n\r\n", c.query); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return n.Waiting(c.sid) }, func() { t.Fatal("the poll does not wait") })
		_ = conn.Close()
		p.wantClosed(t, engine.ReasonTransport)
		c.wantGone()
	})
}

func TestALongQueueIsPolledInPayloads(t *testing.T) {
	n := serve(t, newApp(), engine.Options{MaxPayload: 100})
	c, p := n.polling(t, false)
	var want, got []string
	for i := range 50 {
		text := fmt.Sprintf("4%d%s", i, strings.Repeat("x", i%20))
		want = append(want, text)
		p.Send(engine.Message([]byte(text[1:]), false))
	}
	long := "4" + strings.Repeat("y", 500)
	want = append(want, long, "4last")
	p.Send(engine.Message([]byte(long[1:]), false), engine.Message([]byte("last"), false))
	for len(got) < len(want) {
		status, body := c.get()
		if status != http.StatusOK || (len(body) > 100 && body != long) {
			t.Fatalf("HTTP %d, a payload of %d bytes", status, len(body))
		}
		got = append(got, strings.Split(body, "\x1e")...)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("polled %q, want %q", got, want)
	}
}

func TestASecondPollEndsTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	got := c.later()
	status, body := c.get()
	wantError(t, "the second poll", status, body, http.StatusBadRequest, "3")
	c.wantAnswer(got, "1")
	p.wantClosed(t, engine.ReasonParse)
	c.wantGone()
}

// slowPost sends a POST whose body never ends.
func slowPost(t *testing.T, n *node, c *pollClient) io.ReadWriteCloser {
	t.Helper()
	conn := n.dial(t, c.secure)
	if _, err := fmt.Fprintf(conn, "POST /?%s HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n4par", c.query); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return n.Posting(c.sid) }, func() { t.Fatal("the POST has not arrived") })
	return conn
}

func TestASecondPostEndsTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	conn := slowPost(t, n, c)
	status, body := c.post("4hello")
	wantError(t, "the second POST", status, body, http.StatusBadRequest, "3")
	p.wantClosed(t, engine.ReasonParse)
	c.wantGone()
	_ = conn.Close()
}

func TestABodyThatDoesNotEndIsGivenUp(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, p := n.polling(t, secure)
		slowPost(t, n, c)
		p.wantClosed(t, engine.ReasonTransport)
		c.wantGone()
		if len(p.received) != 0 {
			t.Errorf("received %q of half a body", <-p.received)
		}
	})
}

// A body does not outlive the session of a client that is not logged in.
func TestABodyThatDoesNotEndIsGivenUpWithTheLogin(t *testing.T) {
	a := newApp()
	a.anonymous = true
	n := serve(t, a, engine.Options{OpenTimeout: 300 * time.Millisecond})
	n.Unhurry()
	c, p := n.polling(t, false)
	conn := slowPost(t, n, c)
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("the POST ended with %.40q, %v", answer, err)
	}
	<-p.closed
}

func TestABodyThatBreaksOffEndsTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	conn := slowPost(t, n, c)
	_ = conn.Close()
	p.wantClosed(t, engine.ReasonTransport)
}

func TestABodyThatIsTooLargeIsRefusedAndTheSessionGoesOn(t *testing.T) {
	n := serve(t, newApp(), engine.Options{MaxPayload: 1000})
	c, p := n.polling(t, false)
	long := "4" + strings.Repeat("x", 1000)
	if status, body := c.post(long); status != http.StatusRequestEntityTooLarge {
		t.Errorf("announced: HTTP %d %q", status, body)
	}
	r, err := http.NewRequest("POST", n.base(false)+"/?"+c.query, io.MultiReader(strings.NewReader(long)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := n.plain.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("not announced: HTTP %d", resp.StatusCode)
	}
	c.wantTaken(long[:1000])
	p.wantReceived(t, long[1:1000])
}

func TestAMalformedPayloadEndsTheSessionAndTakesNoEffect(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	for name, payload := range map[string]string{
		"nothing":                "",
		"no type":                "abc",
		"an unknown type":        "4good\x1e7",
		"an empty packet":        "4good\x1e\x1e4good",
		"a separator at the end": "4good\x1e",
		"not base64":             "4good\x1eb!!!!",
		"base64 in lines":        "4good\x1ebAQID\r\nBA==",
		"not UTF-8":              "4good\x1e4\xff",
		"an open packet":         "4good\x1e0{}",
		"a ping":                 "4good\x1e2",
		"a probe":                "4good\x1e2probe",
		"an upgrade":             "4good\x1e5",
		"a noop":                 "4good\x1e6",
		"packets behind a close": "4good\x1e1\x1e4more",
		"too many packets":       strings.Repeat("4\x1e", 9000) + "4",
	} {
		c, p := n.polling(t, false)
		status, body := c.post(payload)
		wantError(t, name, status, body, http.StatusBadRequest, "3")
		p.wantClosed(t, engine.ReasonParse)
		c.wantGone()
		if len(p.received) != 0 {
			t.Errorf("%s: %q was received", name, <-p.received)
		}
	}
	c, p := n.polling(t, false)
	status, body, _ := n.request(t, false, "POST", c.query, "4hello", "Content-Type", "application/octet-stream")
	wantError(t, "a binary body", status, body, http.StatusBadRequest, "3")
	p.wantClosed(t, engine.ReasonParse)
}

func TestAMessageThatTheReceiverRefusesEndsTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	status, body := c.post("4first\x1e4refuse\x1e4third")
	wantError(t, "a refused message", status, body, http.StatusBadRequest, "3")
	p.wantReceived(t, "first")
	p.wantClosed(t, engine.ReasonParse)
	if len(p.received) != 0 {
		t.Errorf("%q was received after a refusal", <-p.received)
	}
}

func TestAPollingClientClosesTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	got := c.later()
	c.wantTaken("4bye\x1e1")
	c.wantAnswer(got, "6")
	p.wantReceived(t, "bye")
	p.wantClosed(t, engine.ReasonClient)
	c.wantGone()

	c, p = n.polling(t, false)
	c.wantTaken("1") // and no poll waits
	p.wantClosed(t, engine.ReasonClient)
	c.wantGone()
}

func TestTheServerClosesAPollingSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	message := func(s string) []byte { return engine.Message([]byte(s), false) }

	n.Unhurry()
	c, p := n.polling(t, false)
	got := c.later()
	p.Close(message("last"))
	c.wantAnswer(got, "4last")
	c.want("1")
	p.wantClosed(t, engine.ReasonServer)
	c.wantGone()

	c, p = n.polling(t, false)
	p.Send(message("queued"))
	p.Close(message("last"))
	p.Send(message("too late"))
	p.Close(message("too late"))
	c.wantTaken("4dropped")
	c.want("4queued\x1e4last")
	c.want("1")
	p.wantClosed(t, engine.ReasonServer)
	c.wantGone()
	if len(p.received) != 0 {
		t.Errorf("%q was received by a session that is closing", <-p.received)
	}

	n.Hurry()
	c, p = n.polling(t, false)
	p.Close() // and nobody polls
	p.wantClosed(t, engine.ReasonServer)
	c.wantGone()

	c, p = n.polling(t, false)
	got = c.later()
	p.Fail(engine.ReasonParse)
	c.wantAnswer(got, "1")
	p.wantClosed(t, engine.ReasonParse)
}

func TestPollsAreReleased(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	got := c.later()
	n.ReleasePolls()
	c.wantAnswer(got, "6")
	got = c.later() // the session goes on
	p.Send(engine.Message([]byte("more"), false))
	c.wantAnswer(got, "4more")
}

func TestAPollingClientThatDoesNotPollIsCutOff(t *testing.T) {
	n := serve(t, newApp(), engine.Options{QueueBytes: 10_000})
	c, p := n.polling(t, false)
	message := engine.Message(make([]byte, 1000), false)
	for range 12 {
		p.Send(message)
	}
	p.wantClosed(t, engine.ReasonSlow)
	c.wantGone()
	n.wantCount(t, "queue_cutoffs_total", "", 1)
}

// A client that asks for a large answer and does not read it holds nothing up.
func TestAPollThatIsNotReadEndsTheSession(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20, WriteTimeout: 100 * time.Millisecond, MaxPayload: 64 << 20})
		c, p := n.polling(t, secure)
		conn := n.dial(t, secure)
		if _, err := fmt.Fprintf(conn, "GET /?%s HTTP/1.1\r\nHost: test\r\n\r\n", c.query); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return n.Waiting(c.sid) }, func() { t.Fatal("the poll does not wait") })
		p.Send(engine.Message(make([]byte, 32<<20), false))
		p.wantClosed(t, engine.ReasonTransport)
		c.wantGone()
	})
}

func TestACompressedMessageIsNotDroppedSilently(t *testing.T) {
	n := serve(t, newApp(), engine.Options{Deflate: true})
	c, p := n.polling(t, false)
	if p.Deflate() {
		t.Error("a poll is said to take compressed frames")
	}
	p.Send(engine.DeflatedMessage(make([]byte, 1000), false))
	c.wantGone()
	p.wantClosed(t, engine.ReasonTransport)
}
