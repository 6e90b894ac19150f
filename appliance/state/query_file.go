package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/raftstore"
)

// FileTotals counts the files of an account, or of the whole tenant when account is
// empty, or of the site when tenant is 0 as well.
func (q *Queries) FileTotals(tenant uint32, account string) (files, bytes uint64, err error) {
	v := q.view()
	defer v.Close()
	var totals fileTotals
	_, err = readRow(v, appendAccountKey(nil, tableFileTotal, tenant, account), totals.decode)
	return totals.files, totals.bytes, err
}

// FilesOver names files of the tenant that are over at nowMs, or were stored before
// keptFromMs (0: for ever), at most MaxRemovedFiles.
func (q *Queries) FilesOver(tenant uint32, nowMs, keptFromMs int64) (ids []string, err error) {
	v := q.view()
	defer v.Close()
	add := func(key, _ []byte) (bool, error) {
		ids = append(ids, fileOfTimeKey(key))
		return len(ids) == MaxRemovedFiles, nil
	}
	err = scanUntil(v, appendFileTimeKey(nil, tenant, fileExpires, 0, ""), appendFileTimeKey(nil, tenant, fileExpires, nowMs+1, ""), add)
	if err != nil || len(ids) > 0 || keptFromMs <= 0 {
		return ids, err
	}
	err = scanUntil(v, appendFileTimeKey(nil, tenant, fileCreated, 0, ""), appendFileTimeKey(nil, tenant, fileCreated, keptFromMs, ""), add)
	return ids, err
}

// fileOfTimeKey is the id in a key of tableFileTime.
func fileOfTimeKey(key []byte) string { return string(key[len(key)-fileIDLen:]) }

// maxFileJobsPage bounds one answer of FileJobs.
const maxFileJobsPage = 1000

// FileJobs lists deletions of all tenants that are under way, at most 1000.
func (q *Queries) FileJobs() (jobs []FileJob, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendTable(nil, tableFileJob)
	err = scanUntil(v, prefix, prefixEnd(prefix), func(key, row []byte) (bool, error) {
		key = key[len(prefix):]
		job := FileJob{Tenant: binary.BigEndian.Uint32(key), ID: binary.BigEndian.Uint64(key[4:])}
		err := job.decode(row)
		jobs = append(jobs, job)
		return len(jobs) == maxFileJobsPage, err
	})
	return jobs, err
}

// fileJobSteps bounds how many files one FilesOfJob looks at.
const fileJobSteps = 1000

// FilesOfJob names files that the job removes, at most MaxRemovedFiles, behind the
// place after, which is nil at first. next is where to go on, nil when there are no
// more.
func (q *Queries) FilesOfJob(job *FileJob, after []byte) (ids []string, next []byte, err error) {
	v := q.view()
	defer v.Close()
	tenant := job.Tenant
	lo, hi := appendFileTimeKey(nil, tenant, fileCreated, job.FromMs, ""), appendFileTimeKey(nil, tenant, fileCreated, job.ToMs+1, "")
	if after != nil {
		lo = append(append(lo[:0], after...), 0)
	}
	steps := 0
	err = scanUntil(v, lo, hi, func(key, _ []byte) (bool, error) {
		id := fileOfTimeKey(key)
		takes, err := jobTakes(v, job, id)
		if takes {
			ids = append(ids, id)
		}
		if steps++; steps == fileJobSteps || len(ids) == MaxRemovedFiles {
			next = append([]byte(nil), key...)
			return true, err
		}
		return false, err
	})
	return ids, next, err
}

func jobTakes(v *raftstore.View, job *FileJob, id string) (bool, error) {
	if job.Type == "" && job.Tag == "" && job.Account == "" {
		return true, nil
	}
	var row fileRow
	ok, err := readRow(v, appendFileKey(nil, job.Tenant, id), row.decode)
	return ok && job.takes(&row), err
}
