package engine

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// preflightAge is how long browsers may remember that requests are allowed.
const preflightAge = 10 * time.Minute

// admit reports whether r's origin is let in, and tells the browser so (Fetch
// standard, "CORS protocol"). Credentials are never allowed: sessions are named
// in the query, and cookies would open the server to foreign pages.
func (o *Options) admit(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	if slices.Contains(o.Origins, anyOrigin) {
		h.Set("Access-Control-Allow-Origin", anyOrigin)
		return true
	}
	h.Add("Vary", "Origin")
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true // not a browser, or a page of this server
	}
	if len(origins) > 1 || !slices.Contains(o.Origins, origins[0]) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origins[0])
	return true
}

// answerPreflight answers the question that browsers ask before some requests.
func answerPreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	h.Set("Access-Control-Max-Age", strconv.Itoa(int(preflightAge.Seconds())))
	w.WriteHeader(http.StatusNoContent)
}
