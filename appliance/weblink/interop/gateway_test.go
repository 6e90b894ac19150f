package interop_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/weblink"
)

// leastGatewayCases is what gateway.mjs has. It only grows.
const leastGatewayCases = 90

func TestStockClientWithANode(t *testing.T) {
	folder(t)
	for _, deflate := range []bool{false, true} {
		t.Run(fmt.Sprintf("deflate %t", deflate), func(t *testing.T) {
			s := newSite(t, deflate)
			front := httptest.NewServer(s.mux)
			t.Cleanup(front.Close)
			run(t, leastGatewayCases, nil, "gateway.mjs", front.URL)
		})
	}
}

// site is one node behind an HTTP server: its gateway, its API, and a desk that
// has more to give than that of the matrix:
//
//	POST /desk/tenant                  a new tenant: {"appKey":…,"appSecret":…}
//	POST /desk/gateway                 a gateway of its own for the node: {"id":…,"path":…}
//	POST /desk/gateway/{id}/{action}   drain or stop it, and put a new one in its place
type site struct {
	mux  *http.ServeMux
	node *appliance.Node
	desk *desk

	options weblink.Options

	mu       sync.Mutex
	gateways []*gateway
}

func newSite(t *testing.T, deflate bool) *site {
	t.Helper()
	options := weblink.Options{Deflate: deflate}
	node, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node1", DataDir: t.TempDir(), WebLink: options})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{mux: http.NewServeMux(), node: node, options: options}
	s.desk = newDesk()
	t.Cleanup(func() {
		s.desk.close()
		for _, g := range s.gateways {
			if err := g.current.Load().Close(); err != nil {
				t.Errorf("closing a gateway: %v", err)
			}
		}
		if err := node.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	s.mux.Handle("/socket.io/", node.WebLink())
	s.mux.Handle("/nimserver/", node.API())
	s.mux.Handle("/desk/", s.desk.mux)
	s.mux.HandleFunc("/gateway/{id}/", func(w http.ResponseWriter, r *http.Request) {
		if g := s.gateway(r); g != nil {
			g.current.Load().ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})
	s.desk.mux.HandleFunc("POST /desk/tenant", s.newTenant)
	s.desk.mux.HandleFunc("POST /desk/gateway", s.newGateway)
	s.desk.mux.HandleFunc("POST /desk/gateway/{id}/{action}", s.replaceGateway)
	return s
}

func (s *site) newTenant(w http.ResponseWriter, r *http.Request) {
	tenant, err := s.node.CreateTenant(r.Context(), appliance.TenantRequest{
		APIPerSecond: 10_000, DevicePolicy: r.URL.Query().Get("policy"),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]string{"appKey": tenant.AppKey, "appSecret": tenant.AppSecret})
}

// gateway is one address whose gateway is replaced now and then, as when a node is
// updated.
type gateway struct {
	current atomic.Pointer[weblink.Server]
}

func (s *site) start() *weblink.Server {
	return weblink.NewServer(s.node.App(), slog.New(slog.DiscardHandler), nil, s.options)
}

func (s *site) newGateway(w http.ResponseWriter, r *http.Request) {
	g := new(gateway)
	g.current.Store(s.start())
	s.mu.Lock()
	s.gateways = append(s.gateways, g)
	id := strconv.Itoa(len(s.gateways))
	s.mu.Unlock()
	answer(w, map[string]string{"id": id, "path": "/gateway/" + id + "/"})
}

func (s *site) gateway(r *http.Request) *gateway {
	id, err := strconv.Atoi(r.PathValue("id"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || id < 1 || id > len(s.gateways) {
		return nil
	}
	return s.gateways[id-1]
}

// replaceGateway ends a gateway. Its clients meet a busy one until the next has
// taken its place.
func (s *site) replaceGateway(w http.ResponseWriter, r *http.Request) {
	g := s.gateway(r)
	if g == nil {
		http.NotFound(w, r)
		return
	}
	old := g.current.Load()
	switch r.PathValue("action") {
	case "drain":
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		old.Drain(ctx, 0)
	case "stop":
	default:
		http.NotFound(w, r)
		return
	}
	if err := old.Close(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	g.current.Store(s.start())
	answer(w, struct{}{})
}
