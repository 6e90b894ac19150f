package files

import (
	"errors"
	"net/http"
)

// upload serves POST and PUT /files/upload: the whole file is the body. What is
// known of it is in the query: name, ext, w, h, dur, md5, sha256.
func (c *call) upload() error {
	if err := c.authorize(); err != nil {
		return err
	}
	size := c.r.ContentLength
	if size < 0 {
		return errNoLength
	}
	d, err := declare(c.r.URL.Query().Get)
	if err != nil {
		return err
	}
	end, err := c.transfer()
	if err != nil {
		return err
	}
	defer end()
	u, err := c.s.begin(c.r.Context(), c.setup, c.principal, size, d, false)
	if err != nil {
		return err
	}
	m, err := c.receive(u)
	if err != nil {
		return errors.Join(err, c.s.abandon(u))
	}
	return c.uploaded(m)
}

// receive reads the whole body into u and makes it a file.
func (c *call) receive(u *upload) (*meta, error) {
	body := c.paced(false)
	defer body.end()
	if _, err := u.append(body, c.takesType); err != nil {
		return nil, err
	}
	if u.written() < u.head.Size {
		return nil, errTruncated
	}
	return c.s.finish(c.r.Context(), c.setup, u)
}

// takesType refuses a type that the tenant does not take.
func (c *call) takesType(mime string) error {
	if !takes(c.setup, c.principal, mime) {
		return errType.noting("files of type %s are not taken", mime)
	}
	return nil
}

// abandon removes an upload that cannot be resumed.
func (s *Server) abandon(u *upload) error {
	u.work.Lock()
	defer u.work.Unlock()
	return u.drop(false)
}

// delete serves DELETE /files/o/<id>, for the account that has uploaded the file.
func (c *call) delete(name string) error {
	if err := c.authorize(); err != nil {
		return err
	}
	id, err := parseID(name)
	if err != nil {
		return err
	}
	if _, err := c.own(id); err != nil {
		return err
	}
	if err := c.s.remove(c.r.Context(), id); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// own is the file id if the caller has uploaded it.
func (c *call) own(id fileID) (*meta, error) {
	if id.tenant != c.principal.Tenant {
		return nil, errNotFound
	}
	m, err := c.blobs.stat(c.r.Context(), id)
	if err != nil {
		return nil, err
	}
	if m.Account != c.principal.Account {
		return nil, errNotFound
	}
	return m, nil
}
