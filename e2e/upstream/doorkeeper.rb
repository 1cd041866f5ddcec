# frozen_string_literal: true

# Doorkeeper in a Rails application that keeps everything in memory, started by doorkeeper.go.
require "json"
require "logger"
require "securerandom"

ENV["RAILS_ENV"] = "production"
# The only connection holds the database.
ENV["DATABASE_URL"] = "sqlite3::memory:?pool=1&checkout_timeout=60&idle_timeout=0"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "doorkeeper"
require "puma"
require "puma/server"

SETTINGS = JSON.parse($stdin.gets)
ENDPOINTS = SETTINGS["paths"]
RESOURCES = ENDPOINTS.values_at("resource", "userinfo").compact

# CrossOrigin lets browser applications of some origins call some paths, which Doorkeeper leaves to the deployment.
class CrossOrigin
  PATHS = [*ENDPOINTS.values_at("token", "introspection", "revocation"), *RESOURCES].freeze

  def initialize(app)
    @app = app
  end

  def call(env)
    origin = env["HTTP_ORIGIN"]
    return @app.call(env) unless origin && PATHS.include?(env["PATH_INFO"])

    headers = { "Vary" => "Origin" }
    if SETTINGS["origins"].include?(origin)
      headers["Access-Control-Allow-Origin"] = origin
      headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
    end
    return preflight(env, headers) if env["REQUEST_METHOD"] == "OPTIONS" && env["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]

    status, answered, body = @app.call(env)
    [status, answered.merge(headers), body]
  end

  def preflight(env, headers)
    if headers["Access-Control-Allow-Origin"]
      headers["Access-Control-Allow-Methods"] = "GET, POST"
      headers["Access-Control-Allow-Headers"] = env["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"].to_s
      headers["Access-Control-Max-Age"] = "3600"
    end
    [204, headers, []]
  end
end

# Provider is the application.
class Provider < Rails::Application
  config.load_defaults 6.1
  config.eager_load = true
  config.secret_key_base = SecureRandom.hex(32)
  config.logger = Logger.new($stderr)
  config.log_level = :error
  config.middleware.insert_before 0, CrossOrigin
end

Doorkeeper.configure do
  orm :active_record
  default_scopes :read
  optional_scopes :write, *SETTINGS["scopes"]
  use_refresh_token
  grant_flows %w[authorization_code client_credentials password implicit]
  # Native applications have redirect URIs with http and a loopback address.
  force_ssl_in_redirect_uri false
  # A client of the client credentials grant has none.
  allow_blank_redirect_uri true
  resource_owner_authenticator do
    User.find_by(id: session[:user]) || begin
      session[:wanted] = request.fullpath
      redirect_to("/login")
    end
  end
  resource_owner_from_credentials { User.find_by(login: params[:username].to_s, password: params[:password].to_s) }
end

Provider.initialize!

# The tables that Doorkeeper's generators make, and users.
def create_tables
  ActiveRecord::Schema.verbose = false
  ActiveRecord::Schema.define do
    create_table(:users) do |t|
      t.string :login, :password, null: false
    end
    create_table(:oauth_applications) do |t|
      t.string :name, :secret, null: false
      t.string :uid, null: false, index: { unique: true }
      t.text :redirect_uri, null: false
      t.string :scopes, null: false, default: ""
      t.boolean :confidential, null: false, default: true
      t.timestamps
    end
    create_table(:oauth_access_grants) do |t|
      t.references :resource_owner, null: false
      t.references :application, null: false, foreign_key: { to_table: :oauth_applications }
      t.string :token, null: false, index: { unique: true }
      t.integer :expires_in, null: false
      t.text :redirect_uri, null: false
      t.datetime :created_at, null: false
      t.datetime :revoked_at
      t.string :scopes, null: false, default: ""
      t.string :code_challenge, :code_challenge_method
    end
    create_table(:oauth_access_tokens) do |t|
      t.references :resource_owner
      t.references :application, null: false, foreign_key: { to_table: :oauth_applications }
      t.string :token, null: false, index: { unique: true }
      t.string :refresh_token, index: { unique: true }
      t.integer :expires_in
      t.datetime :revoked_at
      t.datetime :created_at, null: false
      t.string :scopes
      t.string :previous_refresh_token, null: false, default: ""
    end
  end
end

# User can log in.
class User < ActiveRecord::Base
end

# LoginController has the login page, and returns to the page that wanted the login.
class LoginController < ActionController::Base
  FORM = <<~HTML
    <!doctype html><html lang="en"><title>Login</title>
    <%= form_tag "/login" do %>
      <input name="login"><input type="password" name="password"><button>Log in</button>
    <% end %>
  HTML

  def new
    render inline: FORM
  end

  def create
    user = User.find_by(login: params[:login].to_s, password: params[:password].to_s)
    return render(inline: FORM, status: :unauthorized) unless user

    wanted = session[:wanted] || "/"
    reset_session
    session[:user] = user.id
    redirect_to wanted
  end
end

# MeController is the protected resource.
class MeController < ActionController::API
  before_action :doorkeeper_authorize!

  def show
    user = User.find_by(id: doorkeeper_token.resource_owner_id)
    render json: { client_id: doorkeeper_token.application&.uid, sub: user&.login }
  end
end

Provider.routes.draw do
  use_doorkeeper
  # The same again at the paths that were asked for, if these are others.
  scope module: "doorkeeper" do
    get ENDPOINTS["authorize"], to: "authorizations#new"
    post ENDPOINTS["authorize"], to: "authorizations#create"
    delete ENDPOINTS["authorize"], to: "authorizations#destroy"
    post ENDPOINTS["token"], to: "tokens#create"
    post ENDPOINTS["introspection"], to: "tokens#introspect"
    post ENDPOINTS["revocation"], to: "tokens#revoke"
  end
  get "/login", to: "login#new"
  post "/login", to: "login#create"
  RESOURCES.each { |path| get path, to: "me#show" }
end

# register writes the clients and the user down. A client that Doorkeeper finds invalid is left out.
def register
  SETTINGS["clients"].each do |client|
    application = Doorkeeper::Application.new(
      name: client["client_id"], uid: client["client_id"], secret: client["client_secret"].to_s,
      confidential: client["token_endpoint_auth_method"] != "none",
      redirect_uri: client["redirect_uris"].join("\n"), scopes: client["scope"].to_s
    )
    warn "#{application.uid}: #{application.errors.full_messages.join(', ')}" unless application.save
  end
  User.create!(SETTINGS["user"])
end

# serve is one instance. It writes its address to a pipe.
def serve(pipe)
  ActiveRecord::Base.establish_connection.with_connection do
    create_tables
    register
  end
  server = Puma::Server.new(Provider, Puma::Events.new($stderr, $stderr), environment: "production")
  server.add_tcp_listener("127.0.0.1", 0)
  running = server.run
  pipe.puts("127.0.0.1:#{server.connected_ports.first}")
  pipe.close
  running.join
end

# end_with_input ends this process when the tests end.
def end_with_input
  Thread.new do
    $stdin.read
    exit!(0)
  end
end

# Each instance is a process, since Rails has one application and one database for each. The loaded libraries are shared.
ActiveRecord::Base.connection_pool.disconnect!
instances = SETTINGS["issuers"].map do
  reader, writer = IO.pipe
  process = fork do
    reader.close
    end_with_input
    serve(writer)
  end
  writer.close
  [process, reader.gets&.chomp]
end
puts JSON.generate(addresses: instances.map(&:last).compact)
$stdout.flush
end_with_input
ended = Process.wait
instances.map(&:first).without(ended).each { |process| Process.kill(:KILL, process) }
# At the end of the input this process and the instances end in any order.
abort "an instance ended: #{$?}" unless $?.success?
