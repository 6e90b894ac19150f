package state

import "encoding/binary"

// Append appends the encoded command to dst.
func (c *StoragePut) Append(dst []byte) []byte {
	dst = header(dst, kindStoragePut, c.TimeMs)
	dst = appendString(dst, c.Key)
	return append(dst, c.Value...)
}

// Append appends the encoded command to dst.
func (c *StorageDelete) Append(dst []byte) []byte {
	return appendString(header(dst, kindStorageDelete, c.TimeMs), c.Key)
}

// Append appends the encoded command to dst.
func (c *StorageLock) Append(dst []byte) []byte {
	dst = header(dst, kindStorageLock, c.TimeMs)
	dst = appendString(dst, c.Name)
	dst = c.Owner.append(dst)
	dst = binary.AppendUvarint(dst, uint64(max(c.LeaseMs, 0)))
	return appendBool(dst, c.Renew)
}

// Append appends the encoded command to dst.
func (c *StorageUnlock) Append(dst []byte) []byte {
	dst = header(dst, kindStorageUnlock, c.TimeMs)
	dst = appendString(dst, c.Name)
	return c.Owner.append(dst)
}

func (o *StorageOwner) append(dst []byte) []byte {
	dst = appendString(dst, o.Node)
	dst = binary.AppendUvarint(dst, o.Epoch)
	return binary.AppendUvarint(dst, o.Token)
}

func (o *StorageOwner) decode(r *reader) {
	o.Node, o.Epoch, o.Token = r.string(), r.uint(), r.uint()
}

// decode leaves Value in r's memory.
func (c *StoragePut) decode(r *reader) bool {
	c.TimeMs, c.Key = r.time(), r.string()
	ok := !r.bad
	c.Value = r.rest()
	return ok
}

func (c *StorageDelete) decode(r *reader) bool {
	c.TimeMs, c.Key = r.time(), r.string()
	return r.done()
}

func (c *StorageLock) decode(r *reader) bool {
	c.TimeMs, c.Name = r.time(), r.string()
	c.Owner.decode(r)
	c.LeaseMs, c.Renew = r.time(), r.bool()
	return r.done()
}

func (c *StorageUnlock) decode(r *reader) bool {
	c.TimeMs, c.Name = r.time(), r.string()
	c.Owner.decode(r)
	return r.done()
}

// storageInfoRow is what is known of a file without its value, which has a row
// of its own: listing thousands of files must not read their values.
type storageInfoRow struct {
	modifiedMs int64
	size       uint64 // of the value
}

func (s *storageInfoRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, uint64(s.modifiedMs))
	return binary.AppendUvarint(dst, s.size)
}

func (s *storageInfoRow) decode(b []byte) error {
	r := openRow(b)
	s.modifiedMs, s.size = r.time(), r.upTo(MaxStorageValue)
	return r.end("storage file")
}

// storageLockRow is a held lock.
type storageLockRow struct {
	owner     StorageOwner
	fence     uint64 // of this holding; a later one's is larger
	expiresMs int64
}

func (s *storageLockRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = s.owner.append(dst)
	dst = binary.AppendUvarint(dst, s.fence)
	return binary.AppendUvarint(dst, uint64(s.expiresMs))
}

func (s *storageLockRow) decode(b []byte) error {
	r := openRow(b)
	s.owner.decode(&r)
	s.fence, s.expiresMs = r.uint(), int64(r.upTo(maxTimeMs+MaxStorageLeaseMs))
	return r.end("storage lock")
}

// storageTotalsRow counts what the limits bound.
type storageTotalsRow struct {
	entries, bytes, locks uint64
}

func (s *storageTotalsRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, s.entries)
	dst = binary.AppendUvarint(dst, s.bytes)
	return binary.AppendUvarint(dst, s.locks)
}

func (s *storageTotalsRow) decode(b []byte) error {
	r := openRow(b)
	s.entries, s.bytes, s.locks = r.uint(), r.uint(), r.uint()
	return r.end("storage totals")
}
