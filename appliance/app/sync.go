package app

import "github.com/yizhan-im/yizhan/appliance/wire"

// sync tells which conversations changed after the version that the device has
// reached.
func (a *App) sync(r *request, payload []byte) error {
	var in wire.SyncRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSyncPage, maxSyncPage)
	if err != nil {
		return err
	}
	id, version := r.identity, in.Version
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Sync(id.Tenant, id.Account, version, limit))
	})
}

// page is the size of a page for a client that asks for n, of which 0 is the
// default.
func page(n uint32, byDefault, most int) (int, error) {
	if n == 0 {
		return byDefault, nil
	}
	if n > uint32(most) {
		return 0, wire.Errorf(wire.CodeBadParameter, "limit is more than %d", most)
	}
	return int(n), nil
}

// body makes a query's answer a wire.Body: a nil pointer must not become an
// interface that is not nil.
func body[B wire.Body](b B, err error) (wire.Body, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}
