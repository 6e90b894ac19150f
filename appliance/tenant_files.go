package appliance

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FilesRequest is the part of a TenantRequest about files. Zero values leave what
// there is, or the defaults: no limit.
type FilesRequest struct {
	// FileDays is for how many days a file is kept, -1 for ever. What is older is
	// removed.
	FileDays int `json:"file_days,omitempty"`
	// FileMiB is how many MiB the tenant's files may have together, and
	// AccountFileMiB those of one account; -1 is no limit.
	FileMiB        int `json:"file_mib,omitempty"`
	AccountFileMiB int `json:"account_file_mib,omitempty"`
}

// FilesInfo is what a tenant's limits on files are; -1 is none.
type FilesInfo struct {
	FileDays       int `json:"file_days"`
	FileMiB        int `json:"file_mib"`
	AccountFileMiB int `json:"account_file_mib"`
	// FilesStored and FileBytesStored are what there is now; only Tenants tells.
	FilesStored     uint64 `json:"files_stored,omitempty"`
	FileBytesStored uint64 `json:"file_bytes_stored,omitempty"`
}

func (r *FilesRequest) applyFiles(l *state.Limits) error {
	for _, field := range []struct {
		name  string
		asked int
		limit *int
	}{
		{"file_days", r.FileDays, &l.FileDays},
		{"file_mib", r.FileMiB, &l.FileMiB},
		{"account_file_mib", r.AccountFileMiB, &l.AccountFileMiB},
	} {
		// state.FilesUnlimited is the same number as state.RetentionForever.
		if field.asked < forever || field.asked >= state.FilesUnlimited {
			return wire.Errorf(wire.CodeBadParameter, "%s is not 1 to %d, or -1 for no limit", field.name, state.FilesUnlimited-1)
		}
		if field.asked != 0 {
			*field.limit = retention(field.asked)
		}
	}
	return nil
}

func filesInfo(l *state.Limits) FilesInfo {
	return FilesInfo{
		FileDays:       shownRetention(l.FileDays),
		FileMiB:        shownRetention(l.FileMiB),
		AccountFileMiB: shownRetention(l.AccountFileMiB),
	}
}
