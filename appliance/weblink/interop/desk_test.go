package interop_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// desk is where scripts ask for what no client can do by itself. It serves
// /desk/ beside the server under test:
//
//	POST /desk/cable?to={url}        a new cable to this server: {"id":…,"url":…}
//	GET  /desk/cable/{id}            the bytes that have passed it
//	POST /desk/cable/{id}/{action}   see cable.do
type desk struct {
	mux *http.ServeMux

	mu     sync.Mutex
	cables []*cable
}

func newDesk() *desk {
	d := &desk{mux: http.NewServeMux()}
	d.mux.HandleFunc("POST /desk/cable", d.lay)
	d.mux.HandleFunc("GET /desk/cable/{id}", func(w http.ResponseWriter, r *http.Request) {
		c := d.cable(r)
		if c == nil {
			http.NotFound(w, r)
			return
		}
		toClient, toServer := c.passed()
		answer(w, map[string]int64{"toClient": toClient, "toServer": toServer})
	})
	d.mux.HandleFunc("POST /desk/cable/{id}/{action}", func(w http.ResponseWriter, r *http.Request) {
		c := d.cable(r)
		if c == nil {
			http.NotFound(w, r)
			return
		}
		if err := c.do(r.PathValue("action")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, struct{}{})
	})
	return d
}

func (d *desk) lay(w http.ResponseWriter, r *http.Request) {
	at, err := url.Parse(r.FormValue("to"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := newCable(at.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	d.mu.Lock()
	d.cables = append(d.cables, c)
	id := len(d.cables)
	d.mu.Unlock()
	at.Host = c.listener.Addr().String()
	answer(w, map[string]string{"id": strconv.Itoa(id), "url": at.String()})
}

func (d *desk) cable(r *http.Request) *cable {
	id, err := strconv.Atoi(r.PathValue("id"))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil || id < 1 || id > len(d.cables) {
		return nil
	}
	return d.cables[id-1]
}

func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.cables {
		c.close()
	}
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails when the script has gone: it says why
}
