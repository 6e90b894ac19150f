package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
)

// startTestNode runs a whole node in this process and returns it with the
// arguments that name it.
func startTestNode(t *testing.T) (*appliance.Node, []string) {
	t.Helper()
	node, err := appliance.Open(t.Context(), appliance.Config{
		NodeID: "n1", DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	link, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- node.ServeLink(link) }()

	web := http.NewServeMux()
	web.Handle("/lbs", node.LBS([]lbs.AccessPoint{{Transport: lbs.TransportLink, Address: link.Addr().String()}}))
	web.Handle("/nimserver/", node.API())
	web.Handle("/socket.io/", node.WebLink())
	webServer := httptest.NewServer(web)

	// What Caddy's admin endpoint serves, as far as the driver needs it.
	adminMux := http.NewServeMux()
	adminMux.HandleFunc("POST /yizhan/tenants", func(w http.ResponseWriter, r *http.Request) {
		var request appliance.TenantRequest
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		created, err := node.CreateTenant(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(created)
	})
	adminMux.HandleFunc("GET /debug/pprof/heap", func(http.ResponseWriter, *http.Request) {})
	adminMux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s 1\n%s 2\n", metricHeap, metricStack)
	})
	adminServer := httptest.NewServer(adminMux)

	t.Cleanup(func() {
		adminServer.Close()
		webServer.Close()
		link.Close()
		<-served
		if err := node.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return node, []string{
		"--json", "--lbs", webServer.URL + "/lbs", "--admin", strings.TrimPrefix(adminServer.URL, "http://"),
		"--pid", strconv.Itoa(os.Getpid()), "--weblink", webServer.URL,
	}
}

// overTLS serves the node's WebLink over TLS too, and returns the arguments that
// say where.
func overTLS(t *testing.T, node *appliance.Node) []string {
	t.Helper()
	server := httptest.NewTLSServer(node.WebLink())
	t.Cleanup(server.Close)
	root := filepath.Join(t.TempDir(), "root.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(root, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--weblink", server.URL, "--weblink-root", root}
}

// measure runs one scenario against the node and expects an exact result.
func measure(t *testing.T, node []string, args ...string) *Result {
	t.Helper()
	code, stdout, stderr := execute(t, append(args, node...)...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	r := new(Result)
	if err := json.Unmarshal([]byte(stdout), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Result) value(t *testing.T, name string) float64 {
	t.Helper()
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	t.Fatalf("no figure %q in %+v", name, r.Figures)
	return 0
}

func TestScenariosAgainstARealNode(t *testing.T) {
	_, node := startTestNode(t)

	t.Run("connect", func(t *testing.T) {
		r := measure(t, node, "connect", "--workers=4", "--accounts=8", "--warmup=50ms", "--duration=300ms")
		if r.value(t, "logins_per_second") == 0 {
			t.Error("nobody has logged in")
		}
	})
	t.Run("idle", func(t *testing.T) {
		r := measure(t, node, "idle", "--connections=50", "--settle=0s")
		if r.value(t, "connected") != 50 || r.value(t, "alive") != 50 {
			t.Errorf("got %+v, want 50 connections, all alive", r.Figures)
		}
	})
	t.Run("send", func(t *testing.T) {
		r := measure(t, node, "send", "--connections=7", "--peers=3", "--window=8", "--warmup=50ms", "--duration=300ms")
		expectAllDelivered(t, r)
		if r.value(t, "acked_per_second") == 0 {
			t.Error("nothing was acknowledged in the measured time")
		}
	})
	t.Run("deliver", func(t *testing.T) {
		r := measure(t, node, "deliver", "--connections=5", "--rate=400", "--warmup=0s", "--duration=500ms", "--compress=false")
		expectAllDelivered(t, r)
		if r.Accounting.Sent != 200 {
			t.Errorf("sent %d messages, want 200: 400 per second for 500 ms", r.Accounting.Sent)
		}
		if r.value(t, "delivery_p50") <= 0 {
			t.Error("delivery takes no time")
		}
	})
}

func TestTheRoomScenarioAgainstARealNode(t *testing.T) {
	_, node := startTestNode(t)
	r := measure(t, node, "room", "--members=10", "--rate=20", "--overload=2", "--pairs=20", "--duration=1s")
	a := r.Accounting
	abandoned := r.value(t, "abandoned")/100*20 + r.value(t, "overload_abandoned")/100*40
	if !r.Exact || a.Sent != 20+40+3*20 || a.Acked != a.Sent || a.Delivered != uint64(10*(60-abandoned)+60) {
		t.Errorf("accounting %+v, errors %v: want 60 messages to reach 10 members, but for %v abandoned ones, and 60 others", *a, r.Errors, abandoned)
	}
	if r.value(t, "last_delivery_p99") <= 0 || r.value(t, "pairs_with_room_p50") <= 0 {
		t.Error("delivery takes no time")
	}
}

func TestWebLinkScenariosAgainstARealNode(t *testing.T) {
	running, plain := startTestNode(t)
	tls := append(slices.Clone(plain), overTLS(t, running)...)

	t.Run("idle", func(t *testing.T) {
		r := measure(t, tls, "weblink-idle", "--connections=20", "--settle=0s")
		if r.value(t, "connected") != 20 || r.value(t, "alive") != 20 {
			t.Errorf("got %+v, want 20 connections, all alive", r.Figures)
		}
	})
	for name, args := range map[string][]string{"fanout": {}, "fanout over TLS": {"--tls"}} {
		node := plain
		if len(args) > 0 {
			node = tls
		}
		t.Run(name, func(t *testing.T) {
			r := measure(t, node, append([]string{"weblink-fanout", "--members=10", "--bursts=3", "--burst=50"}, args...)...)
			a := r.Accounting
			if !r.Exact || a.Sent != 150 || a.Acked != 150 || a.Delivered != 1500 {
				t.Errorf("accounting %+v, errors %v: want 150 messages to reach 10 members", *a, r.Errors)
			}
			if r.value(t, "deliveries_per_second") == 0 {
				t.Error("nothing was delivered in the measured time")
			}
		})
	}
	t.Run("no address", func(t *testing.T) {
		code, _, stderr := execute(t, append([]string{"weblink-fanout", "--tls"}, plain...)...)
		if code != exitFailed || !strings.Contains(stderr, "give --weblink") {
			t.Errorf("exit code %d, %q: want to be told to give --weblink", code, stderr)
		}
	})
}

func TestRefusedMessagesAreCountedByCode(t *testing.T) {
	node, args := startTestNode(t)
	tenant, err := node.CreateTenant(t.Context(), appliance.TenantRequest{
		AppKey: "slow", RequestsPerSecond: 20, RequestBurst: 20, APIPerSecond: noLimit,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := measure(t, append(args, "--appkey=slow", "--secret="+tenant.AppSecret),
		"send", "--connections=3", "--window=4", "--warmup=0s", "--duration=500ms", "--verify=false")
	a := r.Accounting
	if a.Refused == 0 || r.Errors["416 rate_limited"] != a.Refused || a.Acked+a.Refused != a.Sent {
		t.Errorf("accounting %+v, errors %v: want some refused with 416 and all others acknowledged", *a, r.Errors)
	}
}

func expectAllDelivered(t *testing.T, r *Result) {
	t.Helper()
	a := r.Accounting
	if !r.Exact || a.Sent == 0 || a.Acked != a.Sent || a.Delivered != a.Sent || a.Stored != a.Sent || !a.Verified {
		t.Errorf("accounting %+v, errors %v: want everything sent to be acked, delivered and stored", *a, r.Errors)
	}
}
