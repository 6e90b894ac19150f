package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// The machine counts the files of messages: what there is, whose it is, and when
// it goes. The content is on disk or in a bucket, which only package files touches:
// it stores a file here before the content gets its place, and removes it here
// after the content has gone. So whatever has content is counted, and a crash in
// between leaves a row without content at the most.

// Limits of files.
const (
	// MaxFileBytes bounds one file.
	MaxFileBytes = 1 << 40
	// MaxFiles bounds the files of a tenant: files without content count no bytes.
	MaxFiles = 10_000_000
	// MaxFileTag bounds a file's tag, in bytes (Yunxin: 32 characters).
	MaxFileTag = 128
	// MaxFileType bounds a file's type, in bytes.
	MaxFileType = 127
	// MaxFileLifeMs bounds how long a file is to be kept.
	MaxFileLifeMs = 100 * 365 * dayMs
	// MaxRemovedFiles is how many files one command removes.
	MaxRemovedFiles = 64
	// MaxFileJobs bounds the deletions of a tenant that are under way.
	MaxFileJobs = 64

	// fileIDLen is that of a file's random name, in characters.
	fileIDLen = 32
)

// Defaults of a tenant's limits of files: none.
const (
	DefaultFileDays = RetentionForever
	// FilesUnlimited, as FileMiB or AccountFileMiB, is no limit.
	FilesUnlimited = maxLimit
)

func (l *Limits) fileDefaults() {
	setDefault(&l.FileDays, DefaultFileDays)
	setDefault(&l.FileMiB, FilesUnlimited)
	setDefault(&l.AccountFileMiB, FilesUnlimited)
}

// KeepsFilesFromMs is the time before which files are removed, at nowMs: 0 when
// they are kept for ever. l has its defaults.
func (l *Limits) KeepsFilesFromMs(nowMs int64) int64 {
	if l.FileDays == RetentionForever {
		return 0
	}
	return max(nowMs-int64(l.FileDays)*dayMs, 0)
}

// FileBytes is how many bytes the tenant's files may have, 0 without limit, and
// AccountFileBytes the same of those of one account. l has its defaults.
func (l *Limits) FileBytes() uint64 { return fileBytes(l.FileMiB) }

// AccountFileBytes: see FileBytes.
func (l *Limits) AccountFileBytes() uint64 { return fileBytes(l.AccountFileMiB) }

func fileBytes(mib int) uint64 {
	if mib == FilesUnlimited {
		return 0
	}
	return uint64(mib) << 20
}

// StoreFile counts a file that is about to be there. Storing the same again
// changes nothing. CodeCountLimit: the tenant, or with OfAccount in the result its
// Account, would have more bytes than MaxBytes or MaxAccountBytes (0: no limit), or
// the tenant has MaxFiles. CodeNotFound: no such tenant or account. CodeRepeated:
// there is another file with this id.
type StoreFile struct {
	TimeMs int64
	Tenant uint32
	// Account is who has uploaded it, empty the tenant's backend.
	Account string
	// ID is the random part of its name: 32 characters of a–z and 2–7.
	ID   string
	Size uint64 // bytes
	Type string // as image/png
	Tag  string
	// LifeMs is how long the file is kept at most; 0 is as long as the tenant's.
	LifeMs                    int64
	MaxBytes, MaxAccountBytes uint64
}

// RemoveFiles forgets files whose content is gone. Those that are not there are
// passed over.
type RemoveFiles struct {
	TimeMs int64
	Tenant uint32
	IDs    []string // at most MaxRemovedFiles
}

// DeleteFiles asks for the removal of a tenant's files that were stored from FromMs
// to ToMs, both included, but not later than now: only those of Type, Tag and
// Account where these are not empty. CodeCountLimit: MaxFileJobs are under way.
// CodeNotFound: no such tenant.
type DeleteFiles struct {
	TimeMs             int64
	Tenant             uint32
	FromMs, ToMs       int64
	Type, Tag, Account string
}

// EndFileJob says that the files of a DeleteFiles are gone. CodeNotFound: there is
// no such job.
type EndFileJob struct {
	TimeMs int64
	Tenant uint32
	ID     uint64
}

// FileResult is the outcome of StoreFile and RemoveFiles.
type FileResult struct {
	Code      wire.Code
	OfAccount bool   // see StoreFile
	Files     uint64 // how many were stored or removed
	Bytes     uint64 // that they have
}

// FileJobResult is the outcome of DeleteFiles and EndFileJob.
type FileJobResult struct {
	Code wire.Code
	ID   uint64
}

// validFileID takes what package files makes.
func validFileID(id string) bool {
	if len(id) != fileIDLen {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

func (c *StoreFile) valid() bool {
	return validFileID(c.ID) && validText(c.Account, maxAccount) && c.Size <= MaxFileBytes &&
		validText(c.Type, MaxFileType) && validText(c.Tag, MaxFileTag) && c.LifeMs <= MaxFileLifeMs
}

func (c *RemoveFiles) valid() bool {
	for _, id := range c.IDs {
		if !validFileID(id) {
			return false
		}
	}
	return len(c.IDs) <= MaxRemovedFiles
}

func (c *DeleteFiles) valid() bool {
	return c.FromMs <= c.ToMs && validText(c.Type, MaxFileType) && validText(c.Tag, MaxFileTag) && validText(c.Account, maxAccount)
}
