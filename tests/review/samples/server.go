package server

import (
	"net/http"
)

type Store interface { //!
	Get(ctx context.Context, key string) ([]byte, error)
}

// Server answers requests.
type Server struct { //!
	mu sync.Mutex
}

type Handler func(w http.ResponseWriter) //!

func New(store Store, opts ...Option) (*Server, error) { //!
	if store == nil {
		return nil, errNoStore
	}
	go func() {
		defer close(done)
	}()
	return &Server{}, nil
}

func (s *Server) ServeHTTP( //!
	w http.ResponseWriter,
	r *http.Request,
) {
	for _, h := range s.handlers(r) {
		h(w)
	}
	select {
	case <-r.Context().Done():
	}
}

func Map[T, U any](in []T, f func(T) U) []U { //!
	return nil
}
