package state

import "encoding/binary"

// Kinds of the commands on files.
const (
	kindStoreFile   = 150
	kindRemoveFiles = 151
	kindDeleteFiles = 152
	kindEndFileJob  = 153
)

// The tables of files. Changing a number breaks compatibility with stored data.
const (
	tableFile      = 0x48 // tenant, id → fileRow
	tableFileTime  = 0x49 // tenant, fileCreated or fileExpires, ms u64, id
	tableFileJob   = 0x4a // tenant, id u64 → FileJob
	tableFileTotal = 0x4b // tenant or 0 (the site), account or nothing (the tenant) → fileTotals
)

// The times by which tableFileTime finds files.
const (
	fileCreated = 1
	fileExpires = 2 // of files with a life of their own
)

// Append appends the encoded command to dst.
func (c *StoreFile) Append(dst []byte) []byte {
	dst = target(dst, kindStoreFile, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.ID)
	dst = binary.AppendUvarint(dst, c.Size)
	dst = appendString(dst, c.Type)
	dst = appendString(dst, c.Tag)
	dst = binary.AppendUvarint(dst, uint64(max(c.LifeMs, 0)))
	dst = binary.AppendUvarint(dst, c.MaxBytes)
	return binary.AppendUvarint(dst, c.MaxAccountBytes)
}

func (c *StoreFile) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account, c.ID, c.Size = r.string(), r.string(), r.uint()
	c.Type, c.Tag, c.LifeMs = r.string(), r.string(), r.time()
	c.MaxBytes, c.MaxAccountBytes = r.uint(), r.uint()
	return r.done()
}

// Append appends the encoded command to dst.
func (c *RemoveFiles) Append(dst []byte) []byte {
	dst = target(dst, kindRemoveFiles, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, uint64(len(c.IDs)))
	for _, id := range c.IDs {
		dst = appendString(dst, id)
	}
	return dst
}

func (c *RemoveFiles) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	n := r.upTo(MaxRemovedFiles)
	for range n {
		c.IDs = append(c.IDs, r.string())
	}
	return r.done()
}

// Append appends the encoded command to dst.
func (c *DeleteFiles) Append(dst []byte) []byte {
	dst = target(dst, kindDeleteFiles, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, uint64(max(c.FromMs, 0)))
	dst = binary.AppendUvarint(dst, uint64(max(c.ToMs, 0)))
	dst = appendString(dst, c.Type)
	dst = appendString(dst, c.Tag)
	return appendString(dst, c.Account)
}

func (c *DeleteFiles) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.FromMs, c.ToMs = r.time(), r.time()
	c.Type, c.Tag, c.Account = r.string(), r.string(), r.string()
	return r.done()
}

// Append appends the encoded command to dst.
func (c *EndFileJob) Append(dst []byte) []byte {
	return binary.AppendUvarint(target(dst, kindEndFileJob, c.TimeMs, c.Tenant), c.ID)
}

func (c *EndFileJob) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.ID = r.time(), r.u32(), r.uint()
	return r.done()
}

// fileRow is what is known of a file.
type fileRow struct {
	account   string // empty: the tenant's backend
	createdMs int64
	expiresMs int64 // 0: when the tenant's files do
	size      uint64
	mime      string
	tag       string
}

func (f *fileRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = appendString(dst, f.account)
	dst = binary.AppendUvarint(dst, uint64(f.createdMs))
	dst = binary.AppendUvarint(dst, uint64(f.expiresMs))
	dst = binary.AppendUvarint(dst, f.size)
	dst = appendString(dst, f.mime)
	return appendString(dst, f.tag)
}

func (f *fileRow) decode(b []byte) error {
	r := openRow(b)
	f.account, f.createdMs = r.string(), r.time()
	f.expiresMs = int64(r.upTo(maxTimeMs + MaxFileLifeMs))
	f.size = r.upTo(MaxFileBytes)
	f.mime, f.tag = r.string(), r.string()
	return r.end("file")
}

// fileTotals counts the files of an account, a tenant, or the site.
type fileTotals struct{ files, bytes uint64 }

func (f *fileTotals) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, f.files)
	return binary.AppendUvarint(dst, f.bytes)
}

func (f *fileTotals) decode(b []byte) error {
	r := openRow(b)
	f.files, f.bytes = r.uint(), r.uint()
	return r.end("count of files")
}

// FileJob is a deletion that is under way.
type FileJob struct {
	Tenant             uint32
	ID                 uint64
	FromMs, ToMs       int64
	Type, Tag, Account string
}

func (f *FileJob) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, uint64(f.FromMs))
	dst = binary.AppendUvarint(dst, uint64(f.ToMs))
	dst = appendString(dst, f.Type)
	dst = appendString(dst, f.Tag)
	return appendString(dst, f.Account)
}

// decode leaves Tenant and ID alone: the key has them.
func (f *FileJob) decode(b []byte) error {
	r := openRow(b)
	f.FromMs, f.ToMs = r.time(), r.time()
	f.Type, f.Tag, f.Account = r.string(), r.string(), r.string()
	return r.end("deletion of files")
}

// takes reports whether the job removes the file.
func (f *FileJob) takes(row *fileRow) bool {
	return (f.Type == "" || f.Type == row.mime) && (f.Tag == "" || f.Tag == row.tag) && (f.Account == "" || f.Account == row.account)
}

func appendFileKey(dst []byte, tenant uint32, id string) []byte {
	return append(appendU32(appendTable(dst, tableFile), tenant), id...)
}

func appendFileTimeKey(dst []byte, tenant uint32, which byte, timeMs int64, id string) []byte {
	return append(appendU64(append(appendU32(appendTable(dst, tableFileTime), tenant), which), uint64(timeMs)), id...)
}

func appendFileJobs(dst []byte, tenant uint32) []byte {
	return appendU32(appendTable(dst, tableFileJob), tenant)
}
