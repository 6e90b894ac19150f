package caddymodules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/yizhan-im/yizhan/appliance/files"
)

func init() {
	caddy.RegisterModule(new(FilesHandler))
	httpcaddyfile.RegisterHandlerDirective("yizhan_files", parseHandler[FilesHandler])
	httpcaddyfile.RegisterDirectiveOrder("yizhan_files", httpcaddyfile.Before, "respond")
}

// Files limits the files of messages. Zero values take the defaults of package
// files. After a reload the limits hold for new requests.
type Files struct {
	// Off takes and gives no files.
	Off bool `json:"off,omitempty"`

	// PublicURL is how clients reach the site, as in https://im.example.com. Default:
	// the host of each request.
	PublicURL string `json:"public_url,omitempty"`

	// Origins are the web origins whose pages may use the files. Default "*", any.
	Origins []string `json:"origins,omitempty"`

	FileLimits

	// Tenants have limits of their own, by appkey.
	Tenants map[string]FileLimits `json:"tenants,omitempty"`

	// MaxUploads bounds the unfinished uploads of an account.
	MaxUploads int `json:"max_uploads,omitempty"`

	// MaxUnfinished bounds the unfinished uploads of the node.
	MaxUnfinished int `json:"max_unfinished,omitempty"`

	// MaxTransfers bounds the requests that send or receive content at one time.
	MaxTransfers int `json:"max_transfers,omitempty"`

	// UploadExpiry is how long an unfinished upload waits for its next byte.
	UploadExpiry caddy.Duration `json:"upload_expiry,omitempty"`

	// GrantLifetime is how long a client may upload after it has shown its token.
	GrantLifetime caddy.Duration `json:"grant_lifetime,omitempty"`

	// LinkLifetime is how long a signed link is good.
	LinkLifetime caddy.Duration `json:"link_lifetime,omitempty"`

	// MinRate is how many bytes per second a body must bring.
	MinRate int `json:"min_rate,omitempty"`

	// MinFreeBytes is the free disk space below which no upload is taken.
	MinFreeBytes int64 `json:"min_free_bytes,omitempty"`

	// Thumbnails are the sizes that are made, in pixels.
	Thumbnails []int `json:"thumbnails,omitempty"`

	// MaxPixels is the largest image of which there are thumbnails.
	MaxPixels int `json:"max_pixels,omitempty"`

	// ThumbnailCacheBytes bounds what thumbnails take on disk.
	ThumbnailCacheBytes int64 `json:"thumbnail_cache_bytes,omitempty"`

	// S3 keeps finished files in a bucket. Default: on this node's disk.
	S3 *FilesS3 `json:"s3,omitempty"`
}

// FileLimits are those that a tenant may have for itself.
type FileLimits struct {
	// MaxSize is the largest file, in bytes.
	MaxSize int64 `json:"max_size,omitempty"`

	// PerDay is how many bytes may be uploaded on a day (UTC).
	PerDay int64 `json:"per_day,omitempty"`

	// Allow and Deny list types, as image/png or image/*.
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// FilesS3 is a bucket. The keys may be placeholders, as in {env.S3_SECRET_KEY} or
// {file./run/secrets/s3}.
type FilesS3 struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region,omitempty"`
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix,omitempty"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

func (f *Files) validate() error {
	for _, origin := range f.Origins {
		if !validOrigin(origin) {
			return fmt.Errorf("files origins: %q is neither * nor like https://app.example.com", origin)
		}
	}
	options := f.config()
	if err := options.Validate(); err != nil {
		return fmt.Errorf("files %w", err)
	}
	return nil
}

func (f *Files) config() files.Options {
	o := files.Options{
		Disabled:       f.Off,
		PublicURL:      f.PublicURL,
		Origins:        f.Origins,
		Default:        files.Limits(f.FileLimits),
		Tenants:        make(map[string]files.Limits, len(f.Tenants)),
		MaxUploads:     f.MaxUploads,
		MaxUnfinished:  f.MaxUnfinished,
		MaxTransfers:   f.MaxTransfers,
		UploadExpiry:   time.Duration(f.UploadExpiry),
		GrantLifetime:  time.Duration(f.GrantLifetime),
		LinkLifetime:   time.Duration(f.LinkLifetime),
		MinRate:        f.MinRate,
		MinFree:        f.MinFreeBytes,
		Thumbnails:     f.Thumbnails,
		MaxPixels:      f.MaxPixels,
		ThumbnailCache: f.ThumbnailCacheBytes,
	}
	for appKey, limits := range f.Tenants {
		o.Tenants[appKey] = files.Limits(limits)
	}
	if f.S3 != nil {
		replacer := caddy.NewReplacer()
		s3 := files.S3(*f.S3)
		s3.AccessKey = replacer.ReplaceAll(s3.AccessKey, "")
		s3.SecretKey = replacer.ReplaceAll(s3.SecretKey, "")
		o.S3 = &s3
	}
	return o
}

// unmarshalCaddyfile reads the files block of the yizhan option:
//
//	files {
//		off
//		public_url      <url>
//		origins         <scheme://host:port...>
//		max_size        <size>
//		per_day         <size>
//		allow           <type...>
//		deny            <type...>
//		tenant <appkey> {
//			max_size <size>
//			per_day  <size>
//			allow    <type...>
//			deny     <type...>
//		}
//		max_uploads     <count>
//		max_unfinished  <count>
//		max_transfers   <count>
//		upload_expiry   <duration>
//		grant_lifetime  <duration>
//		link_lifetime   <duration>
//		min_rate        <size>
//		min_free        <size>
//		thumbnails      <pixels...>
//		max_pixels      <count>
//		thumbnail_cache <size>
//		s3 <endpoint> {
//			region     <name>
//			bucket     <name>
//			prefix     <text>
//			access_key <key>
//			secret_key <key>
//		}
//	}
func (f *Files) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		known, err := f.FileLimits.option(d)
		if !known {
			err = f.option(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) option(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "off":
		f.Off = true
		if d.NextArg() {
			return d.ArgErr()
		}
		return nil
	case "public_url":
		return argument(d, &f.PublicURL, text)
	case "origins":
		return list(d, &f.Origins, text, "https://app.example.com")
	case "max_uploads":
		return argument(d, &f.MaxUploads, strconv.Atoi)
	case "max_unfinished":
		return argument(d, &f.MaxUnfinished, strconv.Atoi)
	case "max_transfers":
		return argument(d, &f.MaxTransfers, strconv.Atoi)
	case "upload_expiry":
		return argument(d, &f.UploadExpiry, duration)
	case "grant_lifetime":
		return argument(d, &f.GrantLifetime, duration)
	case "link_lifetime":
		return argument(d, &f.LinkLifetime, duration)
	case "min_rate":
		return argument(d, &f.MinRate, sizeInt)
	case "min_free":
		return argument(d, &f.MinFreeBytes, size)
	case "thumbnails":
		return list(d, &f.Thumbnails, strconv.Atoi, "128 512")
	case "max_pixels":
		return argument(d, &f.MaxPixels, strconv.Atoi)
	case "thumbnail_cache":
		return argument(d, &f.ThumbnailCacheBytes, size)
	case "tenant":
		return f.unmarshalTenant(d)
	case "s3":
		f.S3 = new(FilesS3)
		return f.S3.unmarshalCaddyfile(d)
	}
	return d.Errf("unknown files option %q", d.Val())
}

// option reads one of the limits; known is false for any other option.
func (l *FileLimits) option(d *caddyfile.Dispenser) (known bool, err error) {
	switch d.Val() {
	case "max_size":
		return true, argument(d, &l.MaxSize, size)
	case "per_day":
		return true, argument(d, &l.PerDay, size)
	case "allow":
		return true, list(d, &l.Allow, text, "image/* application/pdf")
	case "deny":
		return true, list(d, &l.Deny, text, "text/html image/svg+xml")
	}
	return false, nil
}

func (f *Files) unmarshalTenant(d *caddyfile.Dispenser) error {
	var appKey string
	if !d.Args(&appKey) || d.NextArg() {
		return d.Err("tenant takes an appkey and a block of its limits")
	}
	var limits FileLimits
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		known, err := limits.option(d)
		if err != nil {
			return err
		}
		if !known {
			return d.Errf("unknown option %q of a tenant's files", d.Val())
		}
	}
	if f.Tenants == nil {
		f.Tenants = map[string]FileLimits{}
	}
	if _, twice := f.Tenants[appKey]; twice {
		return d.Errf("tenant %s has two blocks", appKey)
	}
	f.Tenants[appKey] = limits
	return nil
}

func (s *FilesS3) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if !d.Args(&s.Endpoint) || d.NextArg() {
		return d.Err("s3 takes the server's address, as in: s3 https://s3.example.com")
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "region":
			err = argument(d, &s.Region, text)
		case "bucket":
			err = argument(d, &s.Bucket, text)
		case "prefix":
			err = argument(d, &s.Prefix, text)
		case "access_key":
			err = argument(d, &s.AccessKey, text)
		case "secret_key":
			err = argument(d, &s.SecretKey, text)
		default:
			err = d.Errf("unknown s3 option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list adds the arguments of the current option, at least one, to dst.
func list[T any](d *caddyfile.Dispenser, dst *[]T, parse func(string) (T, error), example string) error {
	option := d.Val()
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Errf("%s takes one or more values, as in: %s %s", option, option, example)
	}
	for _, arg := range args {
		value, err := parse(arg)
		if err != nil {
			return d.Errf("%s %q: %v", option, arg, err)
		}
		*dst = append(*dst, value)
	}
	return nil
}

// FilesHandler is the HTTP handler "yizhan_files": clients upload and download
// the files of messages. It takes no options: the limits belong to the yizhan app.
// It must see the whole path, which begins with /files/.
type FilesHandler struct {
	nodeHandler
	stop   context.Context // over when the server has shut down for the app's drain
	cancel context.CancelFunc
}

// CaddyModule implements caddy.Module.
func (*FilesHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.yizhan_files", New: func() caddy.Module { return new(FilesHandler) }}
}

// Provision implements caddy.Provisioner.
func (h *FilesHandler) Provision(ctx caddy.Context) error {
	if err := h.nodeHandler.Provision(ctx); err != nil {
		return err
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return errors.New("yizhan_files works only within an HTTP server")
	}
	h.stop, h.cancel = context.WithCancel(context.Background())
	// A server that shuts down, also for a reload, waits for its requests, and a
	// transfer may take long. Its client goes on with the next server.
	server.RegisterOnShutdown(func() { time.AfterFunc(time.Duration(h.app.Drain), h.cancel) })
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (h *FilesHandler) Cleanup() error {
	if h.cancel != nil {
		h.cancel()
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *FilesHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	node, err := h.app.Node(r.Context())
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	node.Files().Serve(h.stop, w, fromClient(r))
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*FilesHandler)(nil)
	_ caddy.CleanerUpper          = (*FilesHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*FilesHandler)(nil)
	_ caddyfile.Unmarshaler       = (*FilesHandler)(nil)
)
