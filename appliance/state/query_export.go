package state

import (
	"bytes"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// KnownDevice is a device that an account has logged in from.
type KnownDevice struct {
	ID string
	// Version is what the device has acknowledged; SinceID the newest id of the site
	// when it came, 0 when that was not noted.
	Version, SinceID uint64
}

// Devices lists the devices of an account, the one used last first.
func (q *Queries) Devices(tenant uint32, account string) (found []KnownDevice, err error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.view()
	defer v.Close()
	var row devicesRow
	if _, err := readRow(v, appendAccountKey(nil, tableDevices, tenant, account), row.decode); err != nil {
		return nil, err
	}
	for _, d := range row.devices {
		found = append(found, KnownDevice{ID: d.id, Version: d.version, SinceID: d.since})
	}
	return found, nil
}

// StoredFile is a file of a message, without its content.
type StoredFile struct {
	ID                   string
	Size                 uint64
	Type, Tag            string
	CreatedMs, ExpiresMs int64
}

// FilesOf looks at the files of a tenant behind the one named after, at most limit,
// for those that the account has uploaded. next is where to go on, empty at the end.
func (q *Queries) FilesOf(tenant uint32, account, after string, limit int) (found []StoredFile, next string, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendFileKey(nil, tenant, "")
	lo := prefix
	if after != "" {
		lo = append(append(bytes.Clone(prefix), after...), 0)
	}
	seen := 0
	err = scanWhile(v, lo, prefixEnd(prefix), func(key, stored []byte) (bool, error) {
		if seen == limit {
			next = after
			return false, nil
		}
		seen++
		after = string(key[len(prefix):])
		var row fileRow
		if err := row.decode(stored); err != nil {
			return false, err
		}
		if row.account == account {
			found = append(found, StoredFile{ID: after, Size: row.size, Type: row.mime, Tag: row.tag, CreatedMs: row.createdMs, ExpiresMs: row.expiresMs})
		}
		return true, nil
	})
	return found, next, err
}
