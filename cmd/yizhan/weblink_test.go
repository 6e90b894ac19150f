package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func (n *node) socketIO() string { return "http://" + n.http + "/socket.io/" }

func (n *node) webLogin(account string) *wire.LoginRequest {
	d := n.demo()
	return &wire.LoginRequest{
		AppKey: d.AppKey, Account: account, Token: d.Tokens[account], DeviceId: account + "-browser",
		Platform: wire.Platform_PLATFORM_WEB,
	}
}

// browser is a Socket.IO client of account, over a WebSocket or by polling.
func (n *node) browser(account string, o weblinktest.Options) *weblinktest.Client {
	n.t.Helper()
	c, err := o.Dial(n.t.Context(), n.socketIO(), n.webLogin(account))
	if err != nil {
		n.t.Fatalf("%s: %v", account, err)
	}
	n.t.Cleanup(c.Close)
	return c
}

// webSend sends a text and expects it to be accepted.
func webSend(t *testing.T, c *weblinktest.Client, to, text string) {
	t.Helper()
	code, body, err := c.Request(t.Context(), wire.CmdSend, &wire.SendRequest{To: to, ClientId: text, Body: text})
	if err != nil || code != wire.CodeOK {
		t.Fatalf("sending %q: %v %s, %v", text, code, body, err)
	}
}

// webExpect waits for the next event, which must be of this name, and gives its
// argument.
func webExpect(t *testing.T, c *weblinktest.Client, name string) json.RawMessage {
	t.Helper()
	select {
	case e, open := <-c.Events():
		if !open {
			t.Fatalf("waiting for %s: the connection has ended: %v", name, c.Err())
		}
		if e.Name != name {
			t.Fatalf("got the event %s %s, want %s", e.Name, e.Body, name)
		}
		return e.Body
	case <-t.Context().Done():
		t.Fatalf("no event %s", name)
	}
	return nil
}

func webExpectText(t *testing.T, c *weblinktest.Client, want string) {
	t.Helper()
	var push wire.MessagePush
	if err := weblinktest.Decode(webExpect(t, c, "message"), &push); err != nil {
		t.Fatal(err)
	}
	if push.Message.Body != want {
		t.Fatalf("got %q, want %q", push.Message.Body, want)
	}
}

func TestAnAppAndABrowserChat(t *testing.T) {
	n := newNode(t).start()
	alice := n.device("alice").connect()
	for _, o := range []weblinktest.Options{{}, {Polling: true}} {
		bob := n.browser("bob", o)
		alice.send("bob", "from the app")
		webExpectText(t, bob, "from the app")
		webSend(t, bob, "alice", fmt.Sprintf("from the browser %+v", o))
		alice.waitFor("the browser's message", func() bool {
			texts := alice.texts()
			return len(texts) > 0 && texts[len(texts)-1] == fmt.Sprintf("from the browser %+v", o)
		})
		bob.Close()
		<-bob.Ended()
	}
}

func TestBrowsersStayWhenTheConfigurationIsReloaded(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.browser("alice", weblinktest.Options{}), n.browser("bob", weblinktest.Options{Polling: true})
	webSend(t, alice, "bob", "before")
	webExpectText(t, bob, "before")

	if err := n.reload(n.caddyfile("drain 3s", "drain 2s", "max_payload 1MB", "max_payload 2MB")); err != nil {
		t.Fatal(err)
	}
	webSend(t, alice, "bob", "after a reload")
	webExpectText(t, bob, "after a reload")
	webSend(t, bob, "alice", "and back")
	webExpectText(t, alice, "and back")

	if err := n.reload(n.caddyfile("max_payload 1MB", "max_payload 1KB")); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("a limit below every message: %v", err)
	}
	webSend(t, bob, "alice", "after a refused reload")
	webExpectText(t, alice, "after a refused reload")
}

func TestAStoppingNodeSendsBrowsersAway(t *testing.T) {
	n := newNode(t).start()
	clients := []*weblinktest.Client{n.browser("alice", weblinktest.Options{}), n.browser("bob", weblinktest.Options{Polling: true})}
	n.interrupt()
	for _, c := range clients {
		webExpect(t, c, "go_away")
		<-c.Ended()
	}
}

// TestTheClientBehindAProxyIsSeen has a proxy tell who the client is: the node
// believes it only when the operator has named the proxy.
func TestTheClientBehindAProxyIsSeen(t *testing.T) {
	n := newNode(t).start()
	n.refusedLogin("203.0.113.7")
	if err := n.reload(n.caddyfile("protocols h1 h2", "protocols h1 h2\n\t\ttrusted_proxies static 127.0.0.1/32")); err != nil {
		t.Fatal(err)
	}
	n.refusedLogin("203.0.113.8")

	var log string
	n.waitFor("both refusals in the log", func() bool {
		b, _ := os.ReadFile(filepath.Join(n.dir, "yizhan.log"))
		log = string(b)
		return strings.Count(log, `"what":"login"`) == 2
	})
	if strings.Contains(log, `"remote":"203.0.113.7`) {
		t.Error("the node believed a proxy that nobody has named")
	}
	if !strings.Contains(log, `"remote":"203.0.113.8`) {
		t.Errorf("the node did not believe the proxy that the operator has named; its log:\n%s", log)
	}
	if strings.Contains(log, "no such token") {
		t.Error("the log holds a token")
	}
}

// refusedLogin tries a wrong token by polling, as a client that a proxy says is
// at address.
func (n *node) refusedLogin(address string) {
	n.t.Helper()
	do := func(method, query, body string) string {
		n.t.Helper()
		request, err := http.NewRequestWithContext(n.t.Context(), method, n.socketIO()+"?EIO=4&transport=polling"+query, strings.NewReader(body))
		if err != nil {
			n.t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", address)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			n.t.Fatal(err)
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			n.t.Fatalf("%s %s: %s %s, %v", method, query, response.Status, b, err)
		}
		return string(b)
	}
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(do("GET", "", ""), "0")), &open); err != nil {
		n.t.Fatal(err)
	}
	sid := "&sid=" + open.SID
	do("POST", sid, `40{"appKey":"demo","account":"alice","token":"no such token","deviceId":"d","platform":"PLATFORM_WEB"}`)
	if answer := do("GET", sid, ""); !strings.HasPrefix(answer, "44") || !strings.Contains(answer, "302") {
		n.t.Fatalf("a wrong token is answered %q", answer)
	}
}
