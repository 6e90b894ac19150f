package caddymodules

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/yizhan-im/yizhan/appliance/lbs"
)

func parseOption(t *testing.T, text string) (*App, error) {
	t.Helper()
	app := new(App)
	err := app.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
	return app, err
}

func TestTheGlobalOptionSetsEveryField(t *testing.T) {
	app, err := parseOption(t, `yizhan {
		node_id edge-7
		data_dir /srv/yizhan
		min_free 1GiB
		drain 1m
		link :7400 10.0.0.1:7401 {
			max_connections 5000
			max_handshakes 64
			handshake_timeout 4s
			login_timeout 5s
			write_timeout 6s
			queue 128KiB
		}
		weblink {
			max_connections 700
			max_pending 70
			login_timeout 7s
			ping_interval 8s
			ping_timeout 9s
			upgrade_timeout 10s
			write_timeout 11s
			queue 64KiB
			max_payload 512KiB
			origins https://a.example https://b.example:8443
			origins https://c.example
			compression
		}
		search off
		presence_grace 45s
		access_point link im1.example.com:7400
		access_point link im2.example.com:7400 {
			env test
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &App{
		NodeID: "edge-7", DataDir: "/srv/yizhan", MinFreeBytes: 1 << 30, Drain: caddy.Duration(time.Minute),
		Link: Link{
			Listen: []string{":7400", "10.0.0.1:7401"}, MaxConnections: 5000, MaxHandshakes: 64,
			HandshakeTimeout: caddy.Duration(4 * time.Second), LoginTimeout: caddy.Duration(5 * time.Second),
			WriteTimeout: caddy.Duration(6 * time.Second), QueueBytes: 128 << 10,
		},
		WebLink: WebLink{
			MaxConnections: 700, MaxPending: 70, LoginTimeout: caddy.Duration(7 * time.Second),
			PingInterval: caddy.Duration(8 * time.Second), PingTimeout: caddy.Duration(9 * time.Second),
			UpgradeTimeout: caddy.Duration(10 * time.Second), WriteTimeout: caddy.Duration(11 * time.Second),
			QueueBytes: 64 << 10, MaxPayload: 512 << 10, Compression: true,
			Origins: []string{"https://a.example", "https://b.example:8443", "https://c.example"},
		},
		SearchOff: true, PresenceGrace: caddy.Duration(45 * time.Second),
		AccessPoints: []lbs.AccessPoint{
			{Transport: "link", Address: "im1.example.com:7400"},
			{Transport: "link", Address: "im2.example.com:7400", Env: "test"},
		},
	}
	if !reflect.DeepEqual(app, want) {
		t.Errorf("got  %+v\nwant %+v", app, want)
	}
	// What the Caddyfile adapter hands to Caddy is JSON: nothing may get lost.
	js, err := json.Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	again := new(App)
	if err := json.Unmarshal(js, again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, want) {
		t.Errorf("by JSON: got  %+v\nwant %+v", again, want)
	}
}

func TestABadOptionIsRefusedWithWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ text, complaint string }{
		{`yizhan now`, "argument"},
		{"yizhan {\n nodeid x\n}", `unknown yizhan option "nodeid"`},
		{"yizhan {\n node_id\n}", "node_id takes exactly one value"},
		{"yizhan {\n node_id a b\n}", "node_id takes exactly one value"},
		{"yizhan {\n min_free lots\n}", "not a size like 256MiB"},
		{"yizhan {\n drain soon\n}", "drain"},
		{"yizhan {\n search maybe\n}", "not on or off"},
		{"yizhan {\n presence_grace 0s\n}", "not off or a duration above zero"},
		{"yizhan {\n presence_grace soon\n}", "presence_grace"},
		{"yizhan {\n link :7400 {\n max_connections many\n }\n}", "max_connections"},
		{"yizhan {\n link :7400 {\n queue 9EiB\n }\n}", "out of range"},
		{"yizhan {\n link :7400 {\n speed 1\n }\n}", `unknown link option "speed"`},
		{"yizhan {\n weblink :7443\n}", "argument"},
		{"yizhan {\n weblink {\n origins\n }\n}", "origins takes one or more"},
		{"yizhan {\n weblink {\n compression on\n }\n}", "argument"},
		{"yizhan {\n weblink {\n speed 1\n }\n}", `unknown weblink option "speed"`},
		{"yizhan {\n access_point link\n}", "access_point takes a transport and host:port"},
		{"yizhan {\n access_point link a:1 {\n zone x\n }\n}", `unknown access_point option "zone"`},
	} {
		if _, err := parseOption(t, c.text); err == nil || !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%q: got %v, want a complaint with %q", c.text, err, c.complaint)
		}
	}
}

func provisioned(t *testing.T, app *App) error {
	t.Helper()
	empty, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(empty)
	t.Cleanup(cancel)
	if app.DataDir == "" {
		app.DataDir = t.TempDir()
	}
	if err := app.Provision(ctx); err != nil {
		return err
	}
	return app.Validate()
}

func TestTheDefaultsAreValid(t *testing.T) {
	if err := provisioned(t, new(App)); err != nil {
		t.Fatal(err)
	}
}

func TestValidationNamesTheSettingAndOpensNothing(t *testing.T) {
	for _, c := range []struct {
		app       App
		complaint string
	}{
		{App{NodeID: "Node 1"}, "node_id"},
		{App{MinFreeBytes: -1}, "min_free"},
		{App{Drain: -1}, "drain"},
		{App{PresenceGrace: maxPresenceGrace + 1}, "presence_grace"},
		{App{Link: Link{Listen: []string{"udp/:7400"}}}, "use tcp"},
		{App{Link: Link{Listen: []string{":7400-7500"}}}, "exactly one port"},
		{App{Link: Link{Listen: []string{":port"}}}, "link listener"},
		{App{Link: Link{HandshakeTimeout: 1}}, "handshake_timeout"},
		{App{Link: Link{LoginTimeout: -5}}, "login_timeout"},
		{App{Link: Link{MaxConnections: -1}}, "limits"},
		{App{Link: Link{QueueBytes: 100}}, "link queue"},
		{App{WebLink: WebLink{PingInterval: 1}}, "ping_interval"},
		{App{WebLink: WebLink{MaxConnections: -1}}, "limits"},
		{App{WebLink: WebLink{QueueBytes: 100}}, "weblink queue"},
		{App{WebLink: WebLink{MaxPayload: 100}}, "max_payload"},
		{App{WebLink: WebLink{Origins: []string{"*", "app.example.com"}}}, "app.example.com"},
		{App{WebLink: WebLink{Origins: []string{"https://app.example.com/"}}}, "origins"},
		{App{AccessPoints: []lbs.AccessPoint{{Transport: "pigeon", Address: "a:1"}}}, "access_point"},
	} {
		if err := provisioned(t, &c.app); err == nil || !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%+v: got %v, want a complaint about %q", c.app, err, c.complaint)
		}
	}
}

func TestAccessPointsDefaultToTheListeners(t *testing.T) {
	app := &App{Link: Link{Listen: []string{":7400", "0.0.0.0:7401", "[::]:7402", "10.0.0.1:7403"}}}
	if err := provisioned(t, app); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range app.accessPoints(httptest.NewRequest("GET", "https://im.example.com/lbs", nil)) {
		got = append(got, p.Transport+" "+p.Address)
	}
	want := []string{"link :7400", "link :7401", "link :7402", "link 10.0.0.1:7403"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A browser stays where it is, if that is a place it can connect to.
func TestBrowsersDefaultToTheServerThatAnswersThem(t *testing.T) {
	web, plain := new(caddyhttp.Server), new(caddyhttp.Server)
	app := &App{Link: Link{Listen: []string{":7400"}}}
	if err := provisioned(t, app); err != nil {
		t.Fatal(err)
	}
	app.serveWebLink(web)
	for _, c := range []struct {
		server *caddyhttp.Server
		url    string
		want   string
	}{
		{web, "https://im.example.com/lbs", ":443"},
		{web, "https://im.example.com:7443/lbs", ":7443"},
		{web, "https://[::1]:7443/lbs", ":7443"},
		{web, "http://im.example.com/lbs", ""},         // a page over HTTPS could not use it
		{plain, "https://im.example.com:8443/lbs", ""}, // no weblink handler there
	} {
		r := httptest.NewRequest("GET", c.url, nil)
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, c.server))
		got := ""
		for _, p := range app.accessPoints(r) {
			if p.Transport == lbs.TransportWebLink {
				got = p.Address
			}
		}
		if got != c.want {
			t.Errorf("%s: browsers are sent to %q, want %q", c.url, got, c.want)
		}
	}
	app.AccessPoints = []lbs.AccessPoint{{Transport: lbs.TransportLink, Address: "a:1"}}
	r := httptest.NewRequest("GET", "https://im.example.com/lbs", nil)
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, web))
	if got := app.accessPoints(r); !reflect.DeepEqual(got, app.AccessPoints) {
		t.Errorf("configured access points became %v", got)
	}
}

func TestTheClientBehindATrustedProxyIsSeen(t *testing.T) {
	for _, c := range []struct{ peer, client, want string }{
		{"10.0.0.1:555", "10.0.0.1", "10.0.0.1:555"}, // no proxy: the port stays
		{"10.0.0.1:555", "203.0.113.7", "203.0.113.7:0"},
		{"[2001:db8::1]:555", "2001:db8::7", "[2001:db8::7]:0"},
		{"@", "203.0.113.7", "@"}, // a UNIX socket
		{"10.0.0.1:555", "", "10.0.0.1:555"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.ClientIPVarKey: c.client}))
		if got := fromClient(r).RemoteAddr; got != c.want {
			t.Errorf("%+v: the client is %q", c, got)
		}
	}
}

func TestHandlersTakeNoOptions(t *testing.T) {
	for _, text := range []string{"yizhan_lbs x", "yizhan_lbs {\n cache 1h\n}"} {
		h := new(LBS)
		if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if err := new(API).UnmarshalCaddyfile(caddyfile.NewTestDispenser("yizhan_api")); err != nil {
		t.Error(err)
	}
}
