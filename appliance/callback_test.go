package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// moderator is a tenant's backend: mallory may not log in, and whoever writes "bad"
// is told so.
func moderator(w http.ResponseWriter, r *http.Request) {
	var question struct {
		EventType   int    `json:"eventType"`
		Account     string `json:"accid"`
		FromAccount string `json:"fromAccount"`
		Body        string `json:"body"`
	}
	if json.NewDecoder(r.Body).Decode(&question) != nil || question.EventType == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if question.Account == "mallory" || strings.Contains(question.Body, "bad") {
		io.WriteString(w, `{"errCode":1,"responseCode":20001,"callbackExt":"not here"}`)
		return
	}
	io.WriteString(w, `{"errCode":0,"responseCode":200,"modifyResponse":{},"callbackExt":""}`)
}

// moderated is a node with one tenant, whose backend is h; it returns the tokens of
// the accounts.
func moderated(t *testing.T, h http.HandlerFunc, callback appliance.TenantRequest, accounts ...string) (*appliance.Node, *httptest.Server, map[string]string) {
	t.Helper()
	node := openNode(t, t.TempDir())
	backend := httptest.NewServer(h)
	t.Cleanup(func() {
		backend.CloseClientConnections()
		backend.Close()
	})
	if _, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "app", RequestBurst: 100_000}); err != nil {
		t.Fatal(err)
	}
	callback.AppKey, callback.CallbackURL = "app", backend.URL
	if _, err := node.UpdateTenant(t.Context(), callback); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for _, account := range accounts {
		token, err := node.App().CreateAccount(t.Context(), "app", account, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens[account] = token
	}
	return node, backend, tokens
}

func TestBackendDecidesOverLink(t *testing.T) {
	node, _, tokens := moderated(t, moderator, appliance.TenantRequest{CallbackFail: "closed"}, "alice", "bob", "mallory")
	address := listen(t, node)
	alice, bob := login(t, node, address, "app", "alice", tokens["alice"]), login(t, node, address, "app", "bob", tokens["bob"])

	mallory, err := dial(t, node, address)
	if err != nil {
		t.Fatal(err)
	}
	if code := mallory.do(wire.CmdLogin, &wire.LoginRequest{AppKey: "app", Account: "mallory", Token: tokens["mallory"], DeviceId: "d"}, nil); code != 20001 {
		t.Errorf("a refused login: code %d", code)
	}
	mallory.wantClosed()

	if code := alice.do(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "bad"}, nil); code != 20001 {
		t.Errorf("a refused message: code %d", code)
	}
	if sent := alice.send("bob", "good"); sent.Seq != 1 {
		t.Errorf("the first message has seq %d", sent.Seq)
	}
	var push wire.MessagePush
	if bob.push(wire.PushMessage, &push); push.Message.Body != "good" {
		t.Errorf("bob got %q", push.Message.Body)
	}
	// Without the callback again.
	if _, err := node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "app", CallbackURL: "off"}); err != nil {
		t.Fatal(err)
	}
	alice.send("bob", "bad again")
}

func TestBackendDecidesOverWebLink(t *testing.T) {
	node, _, tokens := moderated(t, moderator, appliance.TenantRequest{CallbackFail: "closed"}, "alice", "mallory")
	server := httptest.NewServer(node.WebLink())
	t.Cleanup(server.Close)
	// A Socket.IO client: of Engine.IO the open packet, then messages ("4").
	connect := func(account string) (write func(string), read func() string) {
		conn, early, _, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/socket.io/?EIO=4&transport=websocket")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		in := struct {
			io.Reader
			io.Writer
		}{conn, conn}
		if early != nil { // what has come with the handshake
			in.Reader = early
		}
		write = func(packet string) {
			if err := wsutil.WriteClientText(conn, []byte(packet)); err != nil {
				t.Fatal(err)
			}
		}
		read = func() string {
			packet, err := wsutil.ReadServerText(in)
			if err != nil {
				t.Fatalf("%s: %v", account, err)
			}
			return string(packet)
		}
		read() // open
		write(fmt.Sprintf(`40{"appKey":"app","account":%q,"token":%q,"deviceId":"d","platform":"PLATFORM_WEB"}`, account, tokens[account]))
		return write, read
	}

	_, read := connect("mallory")
	if packet := read(); !strings.HasPrefix(packet, "44") || !strings.Contains(packet, `"code":20001`) || !strings.Contains(packet, "not here") {
		t.Errorf("a refused login: %s", packet)
	}

	write, read := connect("alice")
	for _, prefix := range []string{`40{"sid"`, `42["login",`} {
		if packet := read(); !strings.HasPrefix(packet, prefix) {
			t.Fatalf("login: %s, want %s…", packet, prefix)
		}
	}
	write(`420["send",{"to":"alice","clientId":"1","body":"bad"}]`)
	write(`421["send",{"to":"alice","clientId":"2","body":"good"}]`)
	if packet := read(); !strings.HasPrefix(packet, "430[") || !strings.Contains(packet, `"code":20001`) || !strings.Contains(packet, "not here") {
		t.Errorf("a refused message: %s", packet)
	}
	if packet := read(); !strings.HasPrefix(packet, "431[") || !strings.Contains(packet, `"code":200`) {
		t.Errorf("an allowed message: %s", packet)
	}
}

// TestBackendDiesUnderLoad: with the policy "open", a client that pipelines loses
// nothing and keeps its order while the backend is killed; with "closed", what
// comes after it is refused with a code that asks to try again.
func TestBackendDiesUnderLoad(t *testing.T) {
	const messages, window, killed = 300, 32, 100
	for _, policy := range []string{"open", "closed"} {
		t.Run(policy, func(t *testing.T) {
			asked := make(chan struct{}, 2*messages)
			node, backend, tokens := moderated(t, func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				moderator(w, r)
			}, appliance.TenantRequest{CallbackFail: policy, CallbackEvents: "message"}, "alice", "bob")
			address := listen(t, node)
			alice, bob := login(t, node, address, "app", "alice", tokens["alice"]), login(t, node, address, "app", "bob", tokens["bob"])
			dead := make(chan struct{})
			go func() {
				defer close(dead)
				for range killed {
					<-asked
				}
				backend.Listener.Close()
				backend.CloseClientConnections()
			}()
			stored := 0
			answered := func() {
				for {
					f, err := alice.conn.ReadFrame()
					if err != nil {
						t.Fatal(err)
					}
					if f.Kind != wire.KindResponse {
						continue
					}
					switch {
					case f.Code == wire.CodeOK:
						stored++
					case policy == "open" || f.Code != wire.CodeBusy:
						t.Errorf("answered with code %d", f.Code)
					}
					return
				}
			}
			for i := range messages {
				if i >= window {
					answered()
				}
				alice.serial++
				request := &wire.SendRequest{To: "bob", ClientId: fmt.Sprint(i), Body: fmt.Sprint(i)}
				if err := alice.conn.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: alice.serial}, request); err != nil {
					t.Fatal(err)
				}
			}
			for range window {
				answered()
			}
			<-dead
			if policy == "open" && stored != messages || policy == "closed" && (stored < killed-1 || stored == messages) {
				t.Errorf("%d of %d messages are stored", stored, messages)
			}
			for i := range stored {
				var push wire.MessagePush
				bob.push(wire.PushMessage, &push)
				if push.Message.Body != fmt.Sprint(i) {
					t.Fatalf("message %d is %s", i, push.Message.Body)
				}
			}
		})
	}
}

func TestCallbackSettings(t *testing.T) {
	node := openNode(t, t.TempDir())
	if _, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "a", CallbackURL: "http://backend"}); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("a new tenant: %v", err)
	}
	created, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "a"})
	if err != nil {
		t.Fatal(err)
	}
	set := func(r appliance.TenantRequest) (appliance.TenantInfo, error) {
		r.AppKey = "a"
		return node.UpdateTenant(context.Background(), r)
	}
	for _, bad := range []appliance.TenantRequest{
		{CallbackEvents: "login"}, // there is no URL yet
		{CallbackURL: "ftp://backend"},
		{CallbackURL: "http://user:password@backend"},
		{CallbackURL: "http://backend", CallbackEvents: "login,logout"},
		{CallbackURL: "http://backend", CallbackEvents: ","},
		{CallbackURL: "http://backend", CallbackFail: "maybe"},
		{CallbackURL: "http://backend", CallbackTimeoutMs: 5001, Name: "not either"},
		{CallbackURL: "http://backend", CallbackTimeoutMs: -1},
	} {
		if _, err := set(bad); wire.CodeOf(err) != wire.CodeBadParameter {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	want := created
	want.AppSecret = ""
	for _, step := range []struct {
		request appliance.TenantRequest
		change  func()
	}{
		{appliance.TenantRequest{CallbackURL: "http://127.0.0.1:80/ask?x=1"}, func() {
			want.CallbackURL, want.CallbackEvents, want.CallbackFail, want.CallbackTimeoutMs = "http://127.0.0.1:80/ask?x=1", appliance.CallbackEvents, "open", 2000
		}},
		{appliance.TenantRequest{CallbackEvents: "login, team", CallbackFail: "closed", CallbackTimeoutMs: 500, Name: "A", APIPerSecond: 7}, func() {
			want.CallbackEvents, want.CallbackFail, want.CallbackTimeoutMs, want.Name, want.APIPerSecond = "login,team", "closed", 500, "A", 7
		}},
		{appliance.TenantRequest{CallbackURL: "https://b"}, func() { want.CallbackURL = "https://b" }},
		{appliance.TenantRequest{CallbackEvents: "all"}, func() { want.CallbackEvents = "login,message,team_message,team,recall,friend,profile,room,room_entry" }},
		{appliance.TenantRequest{RecallSeconds: 9}, func() { want.RecallSeconds = 9 }},
		{appliance.TenantRequest{CallbackURL: "off"}, func() {
			want.CallbackURL, want.CallbackEvents, want.CallbackFail, want.CallbackTimeoutMs = "", "", "", 0
		}},
	} {
		got, err := set(step.request)
		if step.change(); err != nil || got != want {
			t.Errorf("%+v: %+v, %v\nwant %+v", step.request, got, err, want)
		}
	}
	if _, err := node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "nobody", CallbackURL: "http://b"}); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("of nobody: %v", err)
	}
}
