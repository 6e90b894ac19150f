package janitor

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// Files has the content of files (files.Server).
type Files interface {
	// RemoveContent removes content by the random parts of the files' ids. What is
	// not there is passed over.
	RemoveContent(ctx context.Context, tenant uint32, ids []string) error
	// AbortUploads gives up uploads to the storage of files that broke off before
	// that time, a bounded number of them, and tells how many.
	AbortUploads(ctx context.Context, before time.Time) (int, error)
}

const (
	// filesEvery is how often the tenants' deletions of files are looked for; what
	// their retention says is done with each pass.
	filesEvery = 20 * time.Second
	// filesPause is what everybody else gets between two commands, of 64 files each.
	filesPause = 50 * time.Millisecond
	// brokenUpload is the age of an upload to the storage that nobody goes on with:
	// none lasts longer than some minutes.
	brokenUpload = 24 * time.Hour
)

// runFiles works off deletions while this node leads.
func (j *Janitor) runFiles() {
	for j.pause(j.ctx, j.filesEvery) {
		if !j.store.IsLeader() {
			continue
		}
		if err := j.deleteFiles(j.ctx, filesPause); err != nil && j.ctx.Err() == nil {
			j.log.Warn("deleting files failed; it is tried again", "error", err)
		}
	}
}

// deleteFiles works off the deletions that are under way.
func (j *Janitor) deleteFiles(ctx context.Context, pause time.Duration) error {
	jobs, err := j.queries.FileJobs()
	if err != nil {
		return err
	}
	for i := range jobs {
		if err := j.fileJob(ctx, &jobs[i], pause); err != nil {
			return err
		}
	}
	return nil
}

// fileJob removes the files of one deletion and ends it.
func (j *Janitor) fileJob(ctx context.Context, job *state.FileJob, pause time.Duration) error {
	for place := []byte(nil); ; {
		ids, next, err := j.queries.FilesOfJob(job, place)
		if err == nil {
			err = j.removeFiles(ctx, job.Tenant, ids)
		}
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		if place = next; !j.pause(ctx, pause) {
			return ctx.Err()
		}
	}
	// That another leader has ended it is as good.
	_, err := proposed[*state.FileJobResult](j, &state.EndFileJob{TimeMs: j.now().UnixMilli(), Tenant: job.Tenant, ID: job.ID})
	return err
}

// expireFiles removes the files that are over, of all tenants, and those that they
// have asked for.
func (j *Janitor) expireFiles(ctx context.Context, tenants []*state.Tenant, pause time.Duration) error {
	if err := j.deleteFiles(ctx, pause); err != nil {
		return err
	}
	now := j.now().UnixMilli()
	for _, t := range tenants {
		for {
			ids, err := j.queries.FilesOver(t.ID, now, t.Limits.KeepsFilesFromMs(now))
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			if err := j.removeFiles(ctx, t.ID, ids); err != nil {
				return err
			}
			if !j.pause(ctx, pause) {
				return ctx.Err()
			}
		}
	}
	aborted, err := j.files.AbortUploads(ctx, j.now().Add(-brokenUpload))
	j.metrics.abortedUploads.Add(float64(aborted))
	return err
}

// removeFiles removes content first: what is counted and not there is met again.
func (j *Janitor) removeFiles(ctx context.Context, tenant uint32, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := j.files.RemoveContent(ctx, tenant, ids); err != nil {
		return err
	}
	res, err := proposed[*state.FileResult](j, &state.RemoveFiles{TimeMs: j.now().UnixMilli(), Tenant: tenant, IDs: ids})
	if err != nil {
		return err
	}
	j.metrics.files.Add(float64(res.Files))
	j.metrics.fileBytes.Add(float64(res.Bytes))
	return codeError(res.Code)
}

// noFiles has no content.
type noFiles struct{}

func (noFiles) RemoveContent(context.Context, uint32, []string) error { return nil }
func (noFiles) AbortUploads(context.Context, time.Time) (int, error)  { return 0, nil }
