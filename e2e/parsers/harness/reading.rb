# What Rack and Rails read of requests that a Rack server hands over, in the format of reading.go.
require 'stringio'
require 'rack'
require 'action_controller'

AUTHORIZE, TOKEN = ARGV

def text(value)
  bytes = (value.is_a?(String) ? value : value.nil? ? '' : "\0#{value.inspect}").b
  [bytes.bytesize].pack('N') << bytes
end

def reading(endpoint, *groups)
  pairs = groups.flat_map(&:to_a)
  text(endpoint) << [pairs.length].pack('N') << pairs.map { |name, value| text(name) << text(value) }.join
end

# The applications that a request may reach answer with the name of their endpoint.
ENDPOINT = ->(name) { ->(_env) { [200, {}, [name]] } }
NAMES = %w[authorize token].to_h { |name| [name, ENDPOINT.call(name)] }

# A mapped application gets what lies below it as well, and looks at the rest itself.
EXACT = ->(app) { ->(env) { env['PATH_INFO'].empty? ? app.call(env) : [404, {}, ['']] } }
MAP = Rack::URLMap.new(AUTHORIZE => EXACT.call(NAMES['authorize']), TOKEN => EXACT.call(NAMES['token']))

ROUTES = ActionDispatch::Routing::RouteSet.new
ROUTES.draw do
  match AUTHORIZE, to: NAMES['authorize'], via: :all
  match TOKEN, to: NAMES['token'], via: :all
end

def endpoint(app, env)
  status, _, body = app.call(env)
  status == 200 ? body.first : ''
end

def with_rack(env)
  request = Rack::Request.new(env)
  reading(endpoint(MAP, env.dup), request.GET, request.POST)
end

def with_rails(env)
  request = ActionDispatch::Request.new(env)
  groups = [request.query_parameters, request.request_parameters]
  reading(endpoint(ROUTES, env.dup), *groups.map(&:to_h))
end

def answer(frame)
  fields = []
  at = 0
  while at < frame.bytesize
    size = frame.byteslice(at, 4).unpack1('N')
    fields << frame.byteslice(at + 4, size)
    at += 4 + size
  end
  method, path, query, content_type, body = fields
  answers = ''.b
  [:with_rack, :with_rails].each do |parse|
    env = {
      'REQUEST_METHOD' => method, 'SCRIPT_NAME' => '', 'PATH_INFO' => path, 'QUERY_STRING' => query, 'CONTENT_LENGTH' => body.bytesize.to_s,
      'SERVER_NAME' => 'localhost', 'SERVER_PORT' => '80', 'HTTP_HOST' => 'localhost', 'rack.url_scheme' => 'http', 'rack.input' => StringIO.new(body),
      'rack.errors' => $stderr
    }
    env['CONTENT_TYPE'] = content_type unless content_type.empty?
    answers << begin
      send(parse, env)
    rescue StandardError => e
      text("!#{e.class}") << [0].pack('N')
    end
  end
  text(answers)
end

$stdin.binmode
$stdout.binmode
while (head = $stdin.read(4))
  $stdout.write(answer($stdin.read(head.unpack1('N'))))
  $stdout.flush
end
