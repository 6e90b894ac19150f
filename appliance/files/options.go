package files

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options limit what the package takes and say where finished files go. Zero
// fields take the defaults.
type Options struct {
	// Disabled makes every request fail with status 404.
	Disabled bool
	// PublicURL is how clients reach the site, as in https://im.example.com. Without
	// one, addresses are made of the host and scheme of each request.
	PublicURL string
	// Origins are the web origins whose pages may use the files. Default "*", any:
	// a request needs a grant or a link that no other page has.
	Origins []string

	// Default holds for every tenant that Tenants, by appkey, does not name.
	Default Limits
	Tenants map[string]Limits

	// MaxUploads bounds the unfinished uploads of an account. Default 16.
	MaxUploads int
	// MaxUnfinished bounds those of the node. Default 10,000.
	MaxUnfinished int
	// MaxTransfers bounds the requests that send or receive content at one time.
	// Default 1024.
	MaxTransfers int
	// UploadExpiry is how long an unfinished upload lasts after its last byte.
	// Default 24 h.
	UploadExpiry time.Duration
	// GrantLifetime is how long a grant is good. Default 10 min.
	GrantLifetime time.Duration
	// LinkLifetime is how long a signed link is good. Default 1 h.
	LinkLifetime time.Duration
	// MinRate is how many bytes per second a body must bring on average, after a
	// grace of ten seconds. Default 1024.
	MinRate int
	// MinFree is the free disk space, in bytes, below which no upload is taken.
	// Default 1 GiB.
	MinFree int64

	// Thumbnails are the sizes that are made: the longer side, in pixels. Default
	// 128, 256, 512 and 1024. A request gets the next larger one.
	Thumbnails []int
	// MaxPixels is the largest image that is made smaller. Default 50,000,000.
	MaxPixels int
	// ThumbnailCache bounds what thumbnails take on disk, in bytes. Default 1 GiB.
	ThumbnailCache int64

	// S3 keeps finished files in a bucket instead of this node's disk.
	S3 *S3
}

// Limits are those of one tenant.
type Limits struct {
	// MaxSize is the largest file, in bytes. Default 100 MiB.
	MaxSize int64
	// PerDay is how many bytes may be uploaded on a day (UTC) at this node. Default
	// 10 GiB.
	PerDay int64
	// Allow lists the types that are taken, as image/png or image/*; empty is all.
	// Deny lists those that are not, whatever Allow says.
	Allow, Deny []string
}

// S3 says which bucket, at a server that speaks the S3 protocol.
type S3 struct {
	// Endpoint is the server's address, as in https://s3.example.com.
	Endpoint  string
	Region    string // default us-east-1
	Bucket    string
	Prefix    string // of every key; default none
	AccessKey string
	SecretKey string
}

// Defaults, and the bounds of what may be configured.
const (
	defaultMaxSize        = 100 << 20
	defaultPerDay         = 10 << 30
	defaultMaxUploads     = 16
	defaultMaxUnfinished  = 10_000
	defaultMaxTransfers   = 1024
	defaultUploadExpiry   = 24 * time.Hour
	defaultGrantLifetime  = 10 * time.Minute
	defaultLinkLifetime   = time.Hour
	defaultMinRate        = 1024
	defaultMinFree        = 1 << 30
	defaultMaxPixels      = 50_000_000
	defaultThumbnailCache = 1 << 30

	leastLifetime  = time.Second
	mostThumbnails = 8
	mostThumbnail  = 4096 // pixels
)

var defaultThumbnails = []int{128, 256, 512, 1024}

// withDefaults fills the zero fields.
func (o Options) withDefaults() Options {
	set(&o.MaxUploads, defaultMaxUploads)
	set(&o.MaxUnfinished, defaultMaxUnfinished)
	set(&o.MaxTransfers, defaultMaxTransfers)
	set(&o.UploadExpiry, defaultUploadExpiry)
	set(&o.GrantLifetime, defaultGrantLifetime)
	set(&o.LinkLifetime, defaultLinkLifetime)
	set(&o.MinRate, defaultMinRate)
	set(&o.MinFree, defaultMinFree)
	set(&o.MaxPixels, defaultMaxPixels)
	set(&o.ThumbnailCache, defaultThumbnailCache)
	if len(o.Thumbnails) == 0 {
		o.Thumbnails = defaultThumbnails
	}
	o.Thumbnails = slices.Sorted(slices.Values(o.Thumbnails))
	if len(o.Origins) == 0 {
		o.Origins = []string{"*"}
	}
	set(&o.Default.MaxSize, defaultMaxSize)
	set(&o.Default.PerDay, defaultPerDay)
	tenants := make(map[string]Limits, len(o.Tenants))
	for appKey, l := range o.Tenants {
		set(&l.MaxSize, o.Default.MaxSize)
		set(&l.PerDay, o.Default.PerDay)
		if l.Allow == nil {
			l.Allow = o.Default.Allow
		}
		if l.Deny == nil {
			l.Deny = o.Default.Deny
		}
		tenants[appKey] = l
	}
	o.Tenants = tenants
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	return o
}

func set[T int | int64 | time.Duration](field *T, byDefault T) {
	if *field <= 0 {
		*field = byDefault
	}
}

// limits are those of a tenant.
func (o *Options) limits(appKey string) Limits {
	if l, ok := o.Tenants[appKey]; ok {
		return l
	}
	return o.Default
}

// largest is the largest file that any tenant may upload.
func (o *Options) largest() int64 {
	most := o.Default.MaxSize
	for _, l := range o.Tenants {
		most = max(most, l.MaxSize)
	}
	return most
}

var typePattern = regexp.MustCompile(`^[a-z]+/(\*|[a-z0-9.+-]+)$`)

// Validate says what is wrong with o, in the words of the Caddyfile.
func (o *Options) Validate() error {
	if o.PublicURL != "" {
		if u, err := url.Parse(o.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
			return fmt.Errorf("public_url: %q is not like https://im.example.com", o.PublicURL)
		}
	}
	for name, n := range map[string]int64{
		"max_uploads": int64(o.MaxUploads), "max_unfinished": int64(o.MaxUnfinished), "max_transfers": int64(o.MaxTransfers),
		"min_rate": int64(o.MinRate), "min_free": o.MinFree, "max_pixels": int64(o.MaxPixels), "thumbnail_cache": o.ThumbnailCache,
	} {
		if n < 0 {
			return fmt.Errorf("%s: must not be negative", name)
		}
	}
	for name, d := range map[string]time.Duration{
		"upload_expiry": o.UploadExpiry, "grant_lifetime": o.GrantLifetime, "link_lifetime": o.LinkLifetime,
	} {
		if d != 0 && d < leastLifetime {
			return fmt.Errorf("%s: %s is too short, the least is %s", name, d, leastLifetime)
		}
	}
	if len(o.Thumbnails) > mostThumbnails {
		return fmt.Errorf("thumbnails: %d sizes are too many, at most %d", len(o.Thumbnails), mostThumbnails)
	}
	for _, size := range o.Thumbnails {
		if size < 16 || size > mostThumbnail {
			return fmt.Errorf("thumbnails: %d is not between 16 and %d pixels", size, mostThumbnail)
		}
	}
	if err := o.Default.validate(); err != nil {
		return err
	}
	for appKey, l := range o.Tenants {
		if err := l.validate(); err != nil {
			return fmt.Errorf("tenant %s: %w", appKey, err)
		}
	}
	if o.S3 != nil {
		return o.S3.validate()
	}
	return nil
}

func (l *Limits) validate() error {
	if l.MaxSize < 0 || l.PerDay < 0 {
		return errors.New("max_size and per_day must not be negative")
	}
	for _, pattern := range slices.Concat(l.Allow, l.Deny) {
		if !typePattern.MatchString(pattern) {
			return fmt.Errorf("allow and deny: %q is not a type like image/png or image/*", pattern)
		}
	}
	return nil
}

func (s *S3) validate() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("s3 endpoint: %q is not like https://s3.example.com", s.Endpoint)
	}
	if s.Bucket == "" || s.AccessKey == "" || s.SecretKey == "" {
		return errors.New("s3: bucket, access_key and secret_key are needed")
	}
	return nil
}
