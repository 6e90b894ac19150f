package files

import (
	"context"
	"net/http"
)

// SignedLink is an address at which the file with that id opens for a while, for who
// has asked by r. It is empty where the site serves no files. The file need not be
// there.
func (s *Server) SignedLink(ctx context.Context, r *http.Request, id string) (string, error) {
	if !s.begun() {
		return "", toWire(errStopping)
	}
	defer s.work.Done()
	c := &call{setup: s.setup.Load(), s: s, r: r.WithContext(ctx), operation: "backend"}
	if c.Disabled {
		return "", nil
	}
	file, err := parseID(id)
	if err != nil {
		return "", toWire(errBadID)
	}
	link, _, err := c.link(file)
	if err != nil {
		return "", s.fail("backend", err)
	}
	return link, nil
}
