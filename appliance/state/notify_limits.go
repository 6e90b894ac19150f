package state

// Values of Limits.NotifyMode: who may send notifications beside the tenant's
// backend.
const (
	NotifyClients = 1 // every account, the default
	NotifyBackend = 2 // nobody
)

func (l *Limits) validNotify() bool { return l.NotifyMode <= NotifyBackend }
